"""What a node decides about its Pods: what a container runs with, when it restarts, what the Pod's status is."""

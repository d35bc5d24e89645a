"""What a node decides about its Pods: what a container runs, its environment and files, when it restarts, its status."""

"""The decisions of a node about its Pods: the inputs of a container, its restarts, and the Pod's status."""

"""The resource usage and the limits of a node's Pods."""

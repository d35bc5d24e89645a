"""What Pods have in place of namespaces, where none can be made."""

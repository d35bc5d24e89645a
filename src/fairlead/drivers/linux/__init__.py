"""System calls, namespaces and child processes."""

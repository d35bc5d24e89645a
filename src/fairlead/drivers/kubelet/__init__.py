"""A node's HTTP API: logs, exec, attach and port-forward."""

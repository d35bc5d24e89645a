"""Processes as Pods: sandboxes, containers, volumes and probes."""

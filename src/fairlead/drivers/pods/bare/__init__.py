"""Pods on machines that allow no namespaces."""

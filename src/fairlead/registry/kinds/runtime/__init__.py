"""Kinds of node.k8s.io: runtimes for Pods."""

"""Kinds of node.k8s.io: with which runtime a node runs Pods."""

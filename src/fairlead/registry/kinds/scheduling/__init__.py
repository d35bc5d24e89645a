"""Kinds of scheduling.k8s.io: how important Pods are."""

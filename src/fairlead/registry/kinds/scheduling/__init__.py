"""Kinds of scheduling.k8s.io: priorities of Pods."""

"""Kinds of resource.k8s.io: devices, and what Pods want of them. Completed, checked and stored."""

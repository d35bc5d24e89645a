"""Kinds of resource.k8s.io, completed, checked and stored: devices, and what Pods want of them."""

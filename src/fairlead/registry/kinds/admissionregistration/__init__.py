"""Kinds of admissionregistration.k8s.io: webhooks and policies that are consulted before a write."""

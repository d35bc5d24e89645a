"""Admission that users configure: webhooks and policies that are consulted before a write."""

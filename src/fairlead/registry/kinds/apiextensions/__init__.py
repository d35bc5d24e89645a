"""Kinds of apiextensions.k8s.io: definitions of custom resources, and what the API serves for each of them."""

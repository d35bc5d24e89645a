"""Kinds of certificates.k8s.io: certificates that clients ask for."""

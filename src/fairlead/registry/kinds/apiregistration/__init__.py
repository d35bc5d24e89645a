"""Kinds of apiregistration.k8s.io: which parts of the API other servers answer."""

"""Kinds of admissionregistration.k8s.io: which servers are asked before something is written."""

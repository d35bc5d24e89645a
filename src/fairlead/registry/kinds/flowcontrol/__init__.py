"""Kinds of flowcontrol.apiserver.k8s.io: which requests share which part of a server. Completed, checked and stored."""

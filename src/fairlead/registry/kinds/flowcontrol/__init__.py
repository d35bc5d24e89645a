"""Kinds of flowcontrol.apiserver.k8s.io, completed, checked and stored: which requests share which part of a server."""

"""Pods wanted against Pods there, and on which node each belongs."""

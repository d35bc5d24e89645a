"""Kinds of apps, and ReplicationControllers: objects with a number of Pods made from a template."""

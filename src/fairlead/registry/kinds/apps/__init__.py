"""Kinds of apps, and the ReplicationController of old: objects that want a number of Pods made after a template."""

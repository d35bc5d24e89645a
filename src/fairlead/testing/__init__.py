"""The pytest plugin: labs and namespaces as fixtures, and reports that say why.

Docs: docs/testing.md.
"""

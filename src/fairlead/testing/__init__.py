"""The pytest plugin: labs and namespaces as fixtures, and reports that explain failures.

Docs: docs/testing.md.
"""

"""Subresources: status aside, one module each, and their table."""

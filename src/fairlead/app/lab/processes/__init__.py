"""Processes that only a lab has."""

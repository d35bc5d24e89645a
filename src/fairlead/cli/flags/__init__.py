"""Flags that several commands share, or that are a subject of their own, and the types of their values."""

"""Flags that several commands share, groups of related flags, and the types of their values."""

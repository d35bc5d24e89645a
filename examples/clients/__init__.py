"""Adapters of ``fairlead.client`` for libraries that programs use, to copy and change."""

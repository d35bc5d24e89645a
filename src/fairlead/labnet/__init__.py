"""Addresses and links of a lab's network, as values."""

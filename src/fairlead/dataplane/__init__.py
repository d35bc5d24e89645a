"""Computes the forwarding of one node from a snapshot, and then the rules for either back end."""

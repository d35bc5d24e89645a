"""Owners of virtual IPs and ports: pure choices over explicit state."""

"""The kernel's rules and its connection tracking."""

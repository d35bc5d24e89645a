"""The node proxy's process: keeps the kernel's rules in step with the API."""

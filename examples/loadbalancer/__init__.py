"""Load balancers without a cloud: an address at once, and what becomes of it when its node dies."""

"""Load balancers without a cloud: an address at once, and what happens to it when its node dies."""

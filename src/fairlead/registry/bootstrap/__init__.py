"""What every cluster has from its first start."""

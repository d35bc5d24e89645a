"""Examples that explain themselves; README.md has the list."""

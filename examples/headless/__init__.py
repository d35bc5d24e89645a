"""What the same two Pods answer to under four kinds of name."""

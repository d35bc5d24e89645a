"""Output formats for trees of statements, findings and paths of packets."""

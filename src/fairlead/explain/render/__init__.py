"""How trees of statements, findings and ways of packets are shown."""

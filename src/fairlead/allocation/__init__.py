"""Who owns which virtual IP and which port: pure choices over explicit state."""

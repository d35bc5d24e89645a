"""The checks, by what they look at. Each is silent on what works, however odd it looks."""

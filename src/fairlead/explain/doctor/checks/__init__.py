"""The checks, by what they look at; each is silent on what works, however odd it looks."""

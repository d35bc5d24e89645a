"""The types of a Service stack: each adds to the one before, until ExternalName takes everything away."""

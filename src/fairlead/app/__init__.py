"""One module per process: composes core and drivers; the only wiring."""

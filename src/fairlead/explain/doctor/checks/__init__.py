"""The checks, by subject; each reports nothing about a working configuration, however unusual."""

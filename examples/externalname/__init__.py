"""Aliases: a Service that is only a name for another name."""

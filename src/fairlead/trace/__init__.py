"""The path of a packet: evaluation of a typed ruleset, and an oracle written only from the specification."""

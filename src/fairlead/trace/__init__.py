"""Where a packet goes: evaluation of a typed ruleset, and an oracle written from the specification alone."""

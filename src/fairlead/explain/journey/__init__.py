"""Where a packet goes: from whom, through which rules, to which endpoints, and by which way the reply comes back."""

"""The path of a packet: sender, rules, endpoints, policies, and the path of the reply."""

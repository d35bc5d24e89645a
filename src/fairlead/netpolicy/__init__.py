"""NetworkPolicies: what they let through on one node, as typed rules whose cost follows what changes."""

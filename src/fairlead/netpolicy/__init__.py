"""NetworkPolicies on one node, as typed rules; the cost of an update depends on the size of the change."""

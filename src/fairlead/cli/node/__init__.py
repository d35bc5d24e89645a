"""``fairlead node``: the nodes of a lab, and this machine as a node of any cluster."""

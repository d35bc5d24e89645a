"""The kubelet's work: an agent that runs the Pods of one node."""

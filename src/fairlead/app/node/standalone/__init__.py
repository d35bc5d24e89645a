"""A node of its own on a machine, of any cluster: how it becomes one, as kubelets do, before its agent runs."""

"""A standalone node of any cluster on a machine: registers as kubelets do, before its agent runs."""

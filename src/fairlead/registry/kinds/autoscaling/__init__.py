"""Kinds of autoscaling: the number of Pods of a workload by their load."""

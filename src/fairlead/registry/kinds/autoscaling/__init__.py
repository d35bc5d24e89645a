"""Kinds of autoscaling: how many Pods a workload is to have, by what they do."""

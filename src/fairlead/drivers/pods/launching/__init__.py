"""Processes that fork the processes of Pods: the nursery, the launchers that come from it, and records of births."""

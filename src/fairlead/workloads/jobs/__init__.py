"""Jobs: which Pods run, how those that ended count, and when the Job ends."""

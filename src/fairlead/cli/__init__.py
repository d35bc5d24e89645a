"""Arguments to app or explain; exit codes."""

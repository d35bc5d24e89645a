"""Arguments to app; exit codes."""

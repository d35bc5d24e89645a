"""The command line: passes arguments to ``app``, and returns exit codes."""

"""The process on the machine that starts a lab, follows it and cleans up."""

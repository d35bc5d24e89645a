"""Admission that users configure: who else is asked before something is written, and what follows from the answers."""

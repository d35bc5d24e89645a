"""Pictures: which parts of a cluster are drawn where, and with which words."""

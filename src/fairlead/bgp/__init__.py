"""BGP-4 for a speaker that announces a few routes of its own and learns none: messages, and the life of a session."""

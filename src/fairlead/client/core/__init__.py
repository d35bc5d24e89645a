"""Which endpoint a request goes to: no sockets, no clock, no randomness; time and choices are arguments."""

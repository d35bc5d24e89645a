"""PID 1 of a lab: networks, nodes and the components that it starts."""

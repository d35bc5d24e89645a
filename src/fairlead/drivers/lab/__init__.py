"""Infrastructure of a lab: supervisor, control socket, run folder and wires."""

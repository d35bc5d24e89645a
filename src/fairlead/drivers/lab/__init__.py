"""What holds a lab together: supervisor, control socket, run folder and wires."""

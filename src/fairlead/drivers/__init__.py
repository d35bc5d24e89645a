"""Everything that touches the world: sockets, files, programs, namespaces, clocks."""

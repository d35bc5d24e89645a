"""The node proxies of a lab without namespaces, in one process: sockets on loopback that decide by the nodes' rules."""

"""The name server's sockets, and its queries to upstream servers."""

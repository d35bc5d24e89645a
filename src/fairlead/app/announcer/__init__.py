"""The announcer's process: brings to this node the packets for load balancers' addresses, over a link or by BGP."""

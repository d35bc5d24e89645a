"""Connections to BGP routers."""

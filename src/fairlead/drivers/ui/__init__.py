"""The web page: its files, who may ask for what it shows, and the HTTP server on loopback."""

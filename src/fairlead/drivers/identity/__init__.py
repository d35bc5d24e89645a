"""Keys, certificates and tokens: who a client of the API server is."""

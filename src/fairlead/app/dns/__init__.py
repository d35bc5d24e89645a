"""The DNS process: cluster names from the API, all others from upstream servers."""

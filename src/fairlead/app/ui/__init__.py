"""The process that serves the page: what it shows of a cluster, and how it keeps that up to date."""

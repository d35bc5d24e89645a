"""Problems of a cluster's Services: checks, each a function from a cluster to findings, and their order."""

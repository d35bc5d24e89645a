"""PostgreSQL behind a headless Service: writes to the primary, reads from the replicas, failover without loss."""

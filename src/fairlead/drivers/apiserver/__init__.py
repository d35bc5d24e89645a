"""The API server's world: HTTP, durable state and watch streams."""

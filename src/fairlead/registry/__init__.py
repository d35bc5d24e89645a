"""The API server's rules as pure functions over JSON documents: valid objects, and the effects of requests."""

"""The API server's rules as pure functions over JSON documents: what is a valid object, what a request does to it."""

"""The API server's description of itself: groups, resources and OpenAPI schemas."""

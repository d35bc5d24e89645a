"""What the API server says about itself: groups, resources and OpenAPI schemas."""

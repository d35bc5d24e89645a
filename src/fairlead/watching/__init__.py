"""The state machine of a watch on a collection of the API, its copy of the collection, and messages about its
failures."""

"""The life of a watch on a collection of the API, the copy that it keeps, and what is said about its troubles."""

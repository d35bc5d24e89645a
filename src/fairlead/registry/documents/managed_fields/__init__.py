"""Server-side apply: the owners of an object's fields, and the result of an applied configuration (KEP-555)."""

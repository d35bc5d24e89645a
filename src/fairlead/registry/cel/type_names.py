"""The types of objects that expressions can make (``made_objects``)."""

OBJECT, JSON_PATCH = "Object", "JSONPatch"
TYPES = frozenset({OBJECT, JSON_PATCH})
"""The first names of all of them."""

"""The fields of every served API type: their types, their checks, and the merging of lists."""

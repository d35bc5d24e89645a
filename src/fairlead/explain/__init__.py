"""Explanations: from the data of a cluster to trees of statements, each with its evidence."""

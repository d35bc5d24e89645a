"""Explanations of one subject: a module for each kind of subject, with a function from a cluster to a statement."""

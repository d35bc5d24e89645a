"""Predicts the effect of a change of manifests before it is applied."""

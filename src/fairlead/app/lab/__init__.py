"""A lab: what its processes, inside and outside, know in common."""

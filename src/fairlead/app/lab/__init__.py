"""A lab: the code that its processes, inside and outside, share."""

"""Controllers that make endpoints of Services: slices, Endpoints and mirrors, with what they share."""

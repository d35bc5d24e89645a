"""What is so with one subject: a module for each kind of subject, each a function from a cluster to a statement."""

"""Why things are as they are: from what was read of a cluster to trees of statements, each with its evidence."""

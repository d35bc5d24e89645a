"""Value types of the field: names, addresses, slim frozen objects, labels, and the indexed snapshot."""

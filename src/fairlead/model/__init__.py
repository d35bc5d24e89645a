"""Value types of the field: names, addresses, slim frozen objects, labels, the indexed snapshot. No I/O."""

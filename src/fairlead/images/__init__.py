"""Images of containers as the OCI specifications describe them: names, documents, layers, without any I/O."""

"""Sources of explanations: files, folders and archives, live API servers, and nodes of a lab."""

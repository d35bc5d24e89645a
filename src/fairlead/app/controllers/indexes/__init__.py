"""What several controllers look up: kept by what the watches tell, shared by all that ask."""

"""The fields of every served API type: what they are, how they are checked, how lists of them are merged."""

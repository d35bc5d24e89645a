"""What a user asks of the images on this machine: bring, list, copy out, remove."""

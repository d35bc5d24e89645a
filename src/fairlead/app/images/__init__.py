"""The operations on the images of this machine: load, pull, list, save and remove."""

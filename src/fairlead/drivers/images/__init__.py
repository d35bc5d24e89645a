"""The store of images on this machine, and where images come from: registries, archives, folders."""

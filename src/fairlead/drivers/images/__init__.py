"""The store of images on this machine, and the sources of images: registries, archives, folders."""

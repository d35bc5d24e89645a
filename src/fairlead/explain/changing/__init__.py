"""What a change of manifests would do, before it is applied."""

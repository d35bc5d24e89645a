"""What `make release` does: notes of the release, shell files, wheel, sdist and SBOM, the same bytes each time."""

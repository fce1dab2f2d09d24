"""Builds the package for a release, and proves that it can be installed and used."""

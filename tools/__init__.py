"""Tools for those who work on mappedram; nothing here is installed with the package."""

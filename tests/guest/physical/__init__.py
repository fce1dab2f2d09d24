"""The map of guest-physical memory, and reading through it."""

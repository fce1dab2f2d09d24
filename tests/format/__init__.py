"""The declarations of the format."""

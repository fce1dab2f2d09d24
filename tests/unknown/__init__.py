"""What a file does not tell."""

"""The spec in other languages: all parsers read every file as Construct does."""

"""A snapshot in other forms; one module for each target."""

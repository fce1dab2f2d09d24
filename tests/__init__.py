"""The tests of mappedram."""

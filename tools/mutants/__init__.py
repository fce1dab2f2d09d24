"""Change the declarations and the reader, and check that a test notices each change.

Changes to files, not to code, belong in `mappedram/fuzz`.
"""

"""Tools for developers of mappedram.

Nothing here is installed with the package, and the package imports none of it. What a user could
need belongs in `mappedram`.
"""

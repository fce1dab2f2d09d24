"""Tools for developers of mappedram.

They are not installed with the package, and the package imports none of them. What a user may need
belongs in `mappedram`.
"""

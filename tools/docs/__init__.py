"""The documentation site: `python -m tools.docs` builds it.

A module makes one generated page, or one part that a page asks for. Pages written by hand belong in
`docs`.
"""

"""The documentation site: `python -m tools.docs` builds it.

A module makes one generated page, or one part of a page. Pages written by hand belong in `docs`.
"""

"""The documentation site: `python -m tools.docs` builds it, all generated pages included."""

"""Repairs that a file itself proves: each is found and tried on the file as it would be.

`search` finds all of them; `cures` says which findings they remove, so that `check` proposes a
repair only if there is one. Writing the repaired file belongs in `mappedram.repair`.
"""

from mappedram.check.repairs.search import Found, search

__all__ = ["Found", "search"]

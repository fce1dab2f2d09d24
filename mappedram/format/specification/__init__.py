"""The specification as files, and its clauses and errata as the tools show them.

The text itself belongs in `spec/`; this folder finds and parses it, both in a checkout and in an
installed package.
"""

from mappedram.format.specification.clauses import Clause, ClauseSection, clauses, sections
from mappedram.format.specification.errata import Erratum, errata
from mappedram.format.specification.files import FILES, SpecificationFile

__all__ = [
    "FILES",
    "Clause",
    "ClauseSection",
    "Erratum",
    "SpecificationFile",
    "clauses",
    "errata",
    "sections",
]

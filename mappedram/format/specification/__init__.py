"""The specification as files, and its clauses and errata as the tools show them.

The text itself belongs in `spec/`; this folder finds and parses it, in a checkout and in an
installed package.
"""

from mappedram.format.specification.clauses import Clause, Section, clauses, sections
from mappedram.format.specification.errata import Erratum, errata
from mappedram.format.specification.files import FILES, File

__all__ = ["FILES", "Clause", "Erratum", "File", "Section", "clauses", "errata", "sections"]

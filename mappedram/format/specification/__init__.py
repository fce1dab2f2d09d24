"""The specification itself: its files, and the clauses and errata that the tools refer to."""

from mappedram.format.specification.clauses import Clause, Section, clauses, sections
from mappedram.format.specification.errata import Erratum, errata
from mappedram.format.specification.files import FILES, File

__all__ = ["FILES", "Clause", "Erratum", "File", "Section", "clauses", "errata", "sections"]

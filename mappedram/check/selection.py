"""Which findings to report."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Selection:
    """A choice among the rules.

    Attributes:
        select: prefixes of the codes to report; none for all.
        ignore: prefixes of the codes to leave out, which take precedence.
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()

    def takes(self, code: str) -> bool:
        """Whether to report findings with this code."""
        return not code.startswith(self.ignore) and (
            not self.select or code.startswith(self.select)
        )

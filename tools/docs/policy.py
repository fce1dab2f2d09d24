"""The table of device fields that a metadump keeps or leaves out."""

from mappedram.export.metadump import ENTRIES

_MARK = "<!-- table: policy -->"


def with_table(page: str) -> str:
    """The page with its table inserted."""
    rows = (
        f"| `{entry.device}` | `{entry.field}` | {'kept' if entry.kept else 'left out'} |"
        f" {entry.reason} |"
        for entry in ENTRIES
    )
    table = "\n".join(("| device | field | | why |", "|---|---|---|---|", *rows))
    return page.replace(_MARK, table)

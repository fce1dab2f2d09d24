"""The table of what each system call may answer, and what is then done."""

from mappedram.io.system.answers import ANSWERS

_MARK = "<!-- table: answers -->"


def with_table(page: str) -> str:
    """The page with the table where it asks for it."""
    rows = (f"| {one.call} | {one.numbers} | {one.plain} | {one.other} |" for one in ANSWERS)
    head = (
        '| call | errors that mean "not supported" | fallback | other results |',
        "|---|---|---|---|",
    )
    return page.replace(_MARK, "\n".join((*head, *rows)))

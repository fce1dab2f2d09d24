"""The table of the possible errors of each system call, and the reactions to them."""

from mappedram.io.system.answers import ANSWERS

_MARK = "<!-- table: answers -->"


def with_table(page: str) -> str:
    """The page with its table inserted."""
    rows = (f"| {one.call} | {one.numbers} | {one.plain} | {one.other} |" for one in ANSWERS)
    head = ('| call | errors that mean "not here" | then | other answers |', "|---|---|---|---|")
    return page.replace(_MARK, "\n".join((*head, *rows)))

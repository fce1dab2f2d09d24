"""The table of what libvirt prints, and the next step."""

import re

from mappedram.check.libvirt_messages import MESSAGES, LibvirtMessage

_MARK = "<!-- table: libvirt -->"


def with_table(page: str) -> str:
    """The page with its table inserted."""
    table = "\n".join(
        ("| libvirt says | because | what now |", "|---|---|---|", *map(_row, MESSAGES))
    )
    return page.replace(_MARK, table)


def _row(message: LibvirtMessage) -> str:
    words = re.sub(r"\{(\w+)\}", lambda match: match[1].upper(), message.words)
    see = f" See {', '.join(message.codes)}." if message.codes else ""
    return f"| {words} | {message.cause} | {message.remedy}{see} |"

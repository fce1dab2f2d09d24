"""Rewrite links between pages for the site, where files have other names."""

import re
from collections.abc import Collection

_LINK = re.compile(r"(?<!!)\[((?:[^][]|\[[^]]*\])+)\]\(([^)\s]*)\)")
#: Code, which is left unchanged: it has no links.
_CODE = re.compile(r"(```.*?```|`[^`\n]+`)", re.DOTALL)


def relinked(text: str, pages: Collection[str]) -> str:
    """The text with links for the site.

    Anchors of the specification are HTML, which Sphinx does not know: links to them become HTML
    too, and the check of the built site verifies them. A link to a file of the repository that is
    not a page is replaced by its text.
    """
    pieces = _CODE.split(text)
    return "".join(
        piece if index % 2 else _LINK.sub(lambda match: _link(match, pages), piece)
        for index, piece in enumerate(_joined(pieces))
    )


def _joined(pieces: list[str]) -> list[str]:
    """Code within the text of a link belongs to the link."""
    found = [pieces[0]]
    for code, prose in zip(pieces[1::2], pieces[2::2], strict=True):
        opened = found[-1].rpartition("[")[2] if "[" in found[-1] else "]"
        if "]" not in opened and not code.startswith("```"):
            found[-1] += code + prose
        else:
            found += [code, prose]
    return found


def _link(match: re.Match[str], pages: Collection[str]) -> str:
    words, target = match.groups()
    if target.startswith(("http:", "https:")):
        return match[0]
    path, _, anchor = target.partition("#")
    name = path.rpartition("/")[2].removesuffix(".md")
    if path and name not in pages:
        return words
    page = f"{name}.html" if path else ""
    return f'<a href="{page}{"#" if anchor else ""}{anchor}">{words}</a>'

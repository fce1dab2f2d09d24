"""Rewrite links between pages for the site, where files have other names."""

import re
from collections.abc import Collection

#: A link, or something in which no code is looked for: a heading, a tag.
_LINK = re.compile(
    r"(?<!!)\[((?:[^][]|\[[^]]*\])+)\]\(([^)\s]*)\)|(?m:^#+ .*$)|<[^<>]*>|\b(MR\d{3}|E-\d{3})\b"
)
#: Codes of rules and errata, by their pages and the form of their anchors.
_PAGES = {"MR": ("rules", str.upper), "E-": ("errata", str.lower)}
#: Code, which is left unchanged: it has no links.
_CODE = re.compile(r"(```.*?```|`[^`\n]+`)", re.DOTALL)


def relinked(text: str, pages: Collection[str]) -> str:
    """The text with links for the site.

    Anchors of the specification are HTML, which Sphinx does not know: links to them become HTML
    too, and the check of the built site verifies them. A link to a file of the repository that is
    not a page is replaced by its text. The code of a rule or an erratum becomes a link to it.
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
    words, target, code = match.groups()
    if code:
        page, anchored = _PAGES[code[:2]]
        return _anchor(f"{page}.html#{anchored(code)}", code) if page in pages else code
    if target is None or target.startswith(("http:", "https:")):
        return match[0]
    path, _, anchor = target.partition("#")
    name = path.rpartition("/")[2].removesuffix(".md")
    if path and name not in pages:
        return words
    page = f"{name}.html" if path else ""
    return _anchor(f"{page}{'#' if anchor else ''}{anchor}", words)


def _anchor(target: str, words: str) -> str:
    """A link; the style sheet keeps a code in one piece, as `E-` and `001` would be two."""
    kind = ' class="code"' if re.fullmatch(r"(MR|E-)\d{3}", words) else ""
    return f'<a{kind} href="{target}">{words}</a>'

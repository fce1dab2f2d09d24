"""Check that every link within the built site leads to a page, and to a place on it."""

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class _Page(HTMLParser):
    """The anchors of a page, and its links and loaded files."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.anchors = {""}
        self.targets: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for key, value in attrs:
            if key == "id" or (tag == "a" and key == "name"):
                self.anchors.add(value or "")
            elif key in ("href", "src") and value:
                self.targets.append(value)


def broken(site: Path) -> list[str]:
    """Each broken link as `page: link`, and everything loaded from other sites."""
    pages = {path: _Page(path) for path in sorted(site.rglob("*.html"))}
    return [
        f"{path.relative_to(site)}: {target}"
        for path, page in pages.items()
        for target in dict.fromkeys(page.targets)
        if not _holds(path, target, pages)
    ]


def _holds(path: Path, target: str, pages: dict[Path, _Page]) -> bool:
    parts = urlsplit(target)
    if parts.scheme or parts.netloc:
        return True  # outside the site
    place = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if place not in pages:
        return place.is_file()
    return unquote(parts.fragment) in pages[place].anchors

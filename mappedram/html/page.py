"""The whole page."""

from base64 import b64encode
from hashlib import sha256
from importlib.resources import files

from mappedram.check import Report
from mappedram.html import clauses
from mappedram.html.bar import bar
from mappedram.html.blocks import blocks
from mappedram.html.devices import devices
from mappedram.html.entries import entries, remarks
from mappedram.html.findings import findings, referred
from mappedram.html.listing import Listing
from mappedram.html.markup import Markup, join, tag
from mappedram.html.summary import facts
from mappedram.stream.libvirt import LibvirtImage, regions_of
from mappedram.stream.snapshot import OpenSnapshot
from mappedram.version import __version__

#: Most regions shown one by one.
_ENTRIES_MAX = 1200
#: Most findings shown.
_REMARKS_MAX = 200


def page(name: str, snapshot: OpenSnapshot, image: LibvirtImage | None, report: Report) -> str:
    """Build a page about one file.

    Args:
        name: name of the file.
        snapshot: the file, opened with `partial=True`.
        image: the save image around it, None if there is none.
        report: the report of `check` on the file.

    Raises:
        FormatError: the file changed while it was read.
        OSError: reading failed.
    """
    shown = entries(snapshot, regions_of(snapshot, image), _ENTRIES_MAX)
    decompressed = image is not None and image.compressed
    found = remarks(report.findings, shown, _REMARKS_MAX, decompressed=decompressed)
    listing = Listing(snapshot, shown, found)
    parts = {
        "Findings": findings(report, found),
        "Map": bar(shown, snapshot.stream.file_size),
        "RAM blocks": blocks(snapshot.blocks),
        "Bytes": listing.html,
        "Devices": devices(snapshot.state),
        "Clauses": clauses.listing(listing.clauses | referred(found)),
    }
    head = tag(
        "header",
        tag("h1", name, " ", tag("span", report.verdict, class_=f"badge {report.verdict}")),
        facts(snapshot, image),
        tag("nav", *(tag("a", part, href=f"#{_id(part)}") for part in parts), aria_label="Parts"),
    )
    body = tag("main", *(_part(title, content) for title, content in parts.items()))
    foot = tag("footer", f"Made by mappedram {__version__}. Nothing on this page leaves it.")
    return _document(name, join((head, body, foot)))


def _id(title: str) -> str:
    return title.lower().replace(" ", "-")


def _part(title: str, content: Markup) -> Markup:
    return tag("section", tag("h2", title), content, id=_id(title), aria_label=title)


def _document(title: str, body: Markup) -> str:
    """The document around the body: inline styles and script, and a policy that allows no other."""
    style, script = (_asset(name) for name in ("page.css", "page.js"))
    policy = (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}';"
        " base-uri 'none'; form-action 'none'"
    )
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", f"{title} - mappedram layout"),
        tag("style", style),
    )
    whole = tag("html", head, tag("body", body, tag("script", script)), lang="en")
    return f"<!doctype html>\n{whole}\n"


def _asset(name: str) -> Markup:
    return Markup(files("mappedram.html").joinpath(name).read_text(encoding="utf-8"))


def _digest(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"

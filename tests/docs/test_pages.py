"""Generated pages: nothing is missing, and broken links are found."""

import re
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import click
import pytest

from mappedram.check import RULES
from mappedram.check.loading import LOADS, TABLE, WORST
from mappedram.check.report import EXIT_STATUS
from mappedram.cli.main import cli
from mappedram.format import ELEMENTS
from mappedram.format._spec import TYPES
from mappedram.fuzz.defects import CATALOGUE
from mappedram.qemu.loader import RELEASES
from tools.campaign import document, published
from tools.docs import (
    commands,
    declaration,
    links,
    relink,
    rules,
    samples,
    site,
    specification,
    versions,
)
from tools.docs.drawing import byte_map
from tools.generate import ksy


def test_every_rule_has_an_anchor() -> None:
    anchors = re.findall(r'<a id="(MR\d+)"></a>\n\n### \1 ', rules.page())
    assert anchors == list(RULES)


def test_the_index_of_rules_states_the_defects() -> None:
    rows = re.findall(r"^\| \[(MR\d+)\]\(#\1\) \| (\w+) \| (.+) \|$", rules.page(), re.MULTILINE)
    assert rows == [(rule.code, rule.severity, rule.defect) for rule in RULES.values()]


def test_every_rule_says_what_to_do() -> None:
    shown = re.findall(r"^_What to do:_ (.+)$", rules.page(), re.MULTILINE)
    assert shown == [rule.remedy for rule in RULES.values()]
    cards = set(re.findall(r"\(errata\.md#(e-\d+)\)", rules.page()))
    assert cards == {card.lower() for rule in RULES.values() for card in rule.errata}


def test_the_verdict_has_every_cell_of_the_table() -> None:
    page = dict(site.pages())["judgement"]
    cells = re.findall(r"(?:(clean|harmless|corrupt|unsupported), (\d+)|(refused), 1)(?= \|)", page)
    shown = [verdict or None for verdict, _, _ in cells]
    keys = [(worst, loads) for worst in WORST for loads in LOADS]
    assert shown == [TABLE[key][asked] for asked in (False, True) for key in keys]
    assert all(EXIT_STATUS[verdict] == int(status) for verdict, status, _ in cells if verdict)


def test_versions_say_what_was_measured_where() -> None:
    rows = list(document.coverage(published.read(published.PUBLISHED)))
    assert "\n".join(rows) in versions.page()
    said = {row.split(" | ")[0].removeprefix("| ") for row in rows[2:]}
    assert said == {*document.BUILDS, *(one.version for one in published.read(published.PUBLISHED))}


def test_versions_name_the_builds_of_each_release_and_what_is_not_released() -> None:
    table = versions.page().partition("## Releases\n")[2].partition("\n## ")[0]
    *rows, last = re.findall(r"^\| ([^|]*) \| ([^|]*) \|$", table, re.MULTILINE)[1:]
    assert [name for name, _ in rows] == list(RELEASES)
    assert {build for _, builds in rows for build in builds.split(", ")} == set(document.BUILDS)
    assert last[0] == f"after {list(RELEASES)[-1]}"
    assert last[1].startswith("not released")


def test_versions_judge_every_defect() -> None:
    assert [name for names in versions.alike() for name in names] == list(RELEASES)
    page = versions.page()
    rows = re.findall(
        r"^\| \[(MR\d+)\]\(rules\.md#\1\) \| ([a-z].*?) \|(.*) \|$", page, re.MULTILINE
    )
    assert [(code, what) for code, what, _ in rows] == [
        (code, way.name.replace("_", " "))
        for code, ways in sorted(CATALOGUE.items())
        for way in ways
    ]
    # As measured for the errata E-016 and E-028.
    outcomes = {(code, what): found.split() for code, what, found in rows}
    names = [names[0] for names in versions.alike()]

    def outcome(code: str, what: str, release: str) -> str:
        return str(outcomes[code, what][2 * names.index(release)])

    assert outcome("MR204", "page size zero", "11.0") == "crashes"
    assert outcome("MR204", "page size zero", "11.1.0") == "refuses"
    assert outcome("MR209", "shared block", "10.1") == "refuses"
    assert outcome("MR209", "shared block", "11.0") == "loads"
    assert "| `MIG_CMD {number:#x} unknown (len {length:#x})` |" in page


def test_every_verb_and_option_is_described() -> None:
    parts = re.split(r"^## (.*)\n", commands.page(), flags=re.MULTILINE)
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    context = click.Context(cli, info_name="mappedram", **cli.context_settings)
    assert {f"mappedram {name}" for name in cli.list_commands(context)} < set(sections)
    described = list(commands.walk(cli, context))
    assert [inner.command_path for _, inner in described] == list(sections)
    for command, inner in described:
        for param in command.params:
            if isinstance(param, click.Option):
                row = rf"^\| `[^`]*{param.opts[0]}\b"
                assert re.search(row, sections[inner.command_path], re.MULTILINE)


def test_the_installation_page_has_every_extra_for_users() -> None:
    project = tomllib.loads((site.ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    page = dict(site.pages())["installation"]
    rows = re.findall(r"^\| `(\w+)` \| ((?:`[\w.]+`(?:, )?)*)", page, re.MULTILINE)
    listed = {name: set(re.findall(r"`(.*?)`", packages)) for name, packages in rows if packages}
    ours = {"atheris", "consumers", "dev", "docs", "test"}
    assert listed == {
        name: {re.split(r"[<>=\[]", package)[0] for package in packages}
        for name, packages in project["optional-dependencies"].items()
        if name not in ours
    }
    assert f"requires Python\n3.11 to {project['classifiers'][-3].rpartition(' ')[2]}" in page


def test_every_page_is_in_one_group_of_the_navigation() -> None:
    listed = [name for titles in site.GROUPS.values() for name in titles]
    assert sorted(listed) == sorted({*dict(site.pages()), "downloads"} - {"index"})
    assert list(site.GROUPS) == ["Start", "Use", "Format", "Develop"]


def test_the_first_page_leads_to_every_other() -> None:
    text = dict(site.pages())["index"]
    assert set(re.findall(r"\]\(([\w-]+)\.md", text)) == site.TITLES.keys()


@pytest.mark.parametrize("entry", list(ksy.types()), ids=lambda entry: entry.name)
def test_byte_maps_are_drawings_of_all_fields(entry: ksy.Type) -> None:
    drawing = ElementTree.fromstring(byte_map(entry))
    boxes = drawing.findall("span/span[2]")
    assert [box.text for box in boxes] == [field.name for field in entry.fields]
    for field, box, span in zip(entry.fields, boxes, drawing, strict=True):
        assert ("maybe" in box.attrib["class"]) == bool(field.condition)
        width = int(re.findall(r"\d+", span.attrib["style"])[0])
        assert 7 * len(field.name) < width < 350, "fits a telephone"


def test_the_declaration_is_shown_with_a_drawing_of_every_structure() -> None:
    page = dict(site.pages())["declaration"]
    assert (declaration.FORMAT / "file.py").read_text(encoding="utf-8") in page
    for name in ELEMENTS:
        assert f"\n`{name}`\n" in page, name
        assert f'aria-label="Bytes of {name}: ' in page, name


def test_examples_are_the_bytes_of_the_files() -> None:
    found = samples.structures()
    assert {"stream_header", "ramblock_header", "mapped_ram_header", "libvirt_header"} <= set(found)
    assert set(found) <= set(TYPES)
    header = found["mapped_ram_header"]
    (name,) = {header.file}
    with samples.unpacked("pc") as folder:
        data = (folder / name).read_bytes()[: 1 << 20]
    for field, shown in zip(header.fields, header.data, strict=True):
        assert data[field.offset : field.offset + field.length] == shown
    assert "page_size      0x1000 (4 KiB)" in specification.examples_page()


def test_the_format_has_a_drawing_of_every_structure_and_loses_no_clause() -> None:
    page = specification.format_page()
    source = (ksy.SPEC / "format.md").read_text(encoding="utf-8")
    clauses = re.findall(r'<a id="(c-[\d.]+)"></a>', source)
    assert re.findall(r'<a id="(c-[\d.]+)"></a>', page) == clauses
    assert page.count('<div class="bytes"') == source.count("<!-- fields: ")
    drawings = re.findall(r'<svg class="columns".*?</svg>', page)
    titles = [ElementTree.fromstring(drawing).findtext("text") for drawing in drawings]
    assert titles == ["without mapped-ram", "with mapped-ram"]


E_001 = '<a class="code" href="errata.html#e-001">E-001</a>'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[9.3](#s-9.3)", '<a href="#s-9.3">9.3</a>'),
        ("[E-001](errata.md#e-001)", E_001),
        ("as E-001 or MR304.", f"as {E_001} or MR304."),
        ("### E-001 name\n`E-001` E-0012", "### E-001 name\n`E-001` E-0012"),
        ('<a id="E-001"></a> [a E-001 b](#c)', '<a id="E-001"></a> <a href="#c">a E-001 b</a>'),
        ("[a `b` c](../spec/format.md)", '<a href="format.html">a `b` c</a>'),
        ("see [`x`](tools/x.py)", "see `x`"),
        ("[new](later.md)", "new"),
        ("[out](https://example.org/a)", "[out](https://example.org/a)"),
        ("`a[1](2)` and\n```\n[x](y)\n```", "`a[1](2)` and\n```\n[x](y)\n```"),
        ("/sections[4] (x), `[1]`, [3](#c)", '/sections[4] (x), `[1]`, <a href="#c">3</a>'),
    ],
)
def test_links_between_pages(text: str, expected: str) -> None:
    assert relink.relinked(text, ["format", "errata"]) == expected


def test_the_readme_is_one_screen_and_leads_to_each_role() -> None:
    text = (site.ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 60
    targets = re.findall(r"\]\(([^)#]+)", text)
    assert all((site.ROOT / target).exists() for target in targets)
    roles = {f"docs/{name}.md" for name in site.GROUPS["Start"] if name.startswith("for-")}
    assert roles | {"docs/installation.md"} <= set(targets)


def test_broken_links_are_seen(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<p id="x"><a href="b.html#y">1</a><a href="#x">2</a><a href="#z">3</a>'
        '<a href="c.html">4</a><img src="no.png"><a href="https://example.org">5</a>'
    )
    (tmp_path / "b.html").write_text('<a name="y"></a><a href="a.html#%78">6</a><a href="">7</a>')
    assert links.broken(tmp_path) == ["a.html: #z", "a.html: c.html", "a.html: no.png"]

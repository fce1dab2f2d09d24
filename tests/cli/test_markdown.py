"""The Markdown of the specification as plain lines."""

import pytest

from mappedram.cli import output
from mappedram.cli.markdown import rendered


@pytest.mark.parametrize(
    ("markdown", "lines"),
    [
        ("one\ntwo", ["one two"]),
        ("one\n\ntwo", ["one", "", "two"]),
        (
            '<a id="c-1.2.3"></a>\n**1.2.3** A [link](#s-4) and _words_.',
            ["1.2.3 A link and words."],
        ),
        ("`used_length` and `_private_` of a_b_c", ["`used_length` and `_private_` of a_b_c"]),
        ("#### Writer\n\nText.", ["Writer", "", "Text."]),
        ("> noted\n> twice", ["| noted twice"]),
        ("- one\n  two\n- three", ["- one two", "- three"]),
        ("```text\na  b\n\n# c\n```", ["  a  b", "", "  # c"]),
        ("As follows:\n```\nx\n```\nMore.", ["As follows:", "", "  x", "", "More."]),
        (
            "| a | b |\n|---|---|\n| `x` |  |\n| long \\| er | 1 |",
            ["a          b", "`x`", "long | er  1"],
        ),
        ("<!-- fields: x -->\n\n<!-- /fields -->", []),
        ("", []),
    ],
)
def test_rendered(markdown: str, lines: list[str]) -> None:
    assert list(rendered(markdown)) == lines
    assert list(rendered(markdown, "  ")) == [f"  {line}".rstrip() for line in lines]


def test_long_paragraphs_are_wrapped_and_names_stay_whole() -> None:
    words = "suppress-vmdesc " * 20
    lines = list(rendered(f"- {words}"))
    assert len(lines) > 2
    assert max(map(len, lines)) <= 88
    assert all(line.startswith(("- ", "  ")) for line in lines)
    assert " ".join(lines).replace("-", "").split() == ["suppressvmdesc"] * 20


def test_code_stays_on_one_line() -> None:
    command = "`mappedram convert -O mapped-ram`"
    lines = list(rendered(f"{command} " * 9))
    assert [line.count(command) for line in lines] == [2, 2, 2, 2, 1]


@pytest.mark.parametrize(("columns", "longest"), [(60, 60), (200, 90), (5, 26), (None, 90)])
def test_paragraphs_fit_the_terminal(
    columns: int | None, longest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "width", lambda: columns)
    lines = list(rendered("word " * 100, "  "))
    assert longest - 6 < max(map(len, lines)) <= longest

"""The tools refer to existing clauses and errata of the specification."""

import re
from pathlib import Path

from mappedram.check import RULES
from mappedram.format.specification import FILES, clauses, errata, sections

SPEC = Path(__file__).resolve().parents[2] / "spec"


def test_every_file_of_the_specification_is_listed() -> None:
    assert {path.name for path in SPEC.iterdir()} == FILES.keys() - {"vectors.jsonl"}
    assert all(FILES[name].folder == "spec" for name in FILES if name != "vectors.jsonl")


def test_clauses_are_complete() -> None:
    text = (SPEC / "format.md").read_text("utf-8")
    assert list(clauses()) == re.findall(r'<a id="c-([\d.]+)"></a>', text)
    assert all(number == clause.number for number, clause in clauses().items())
    # A clause has every line of the text between its anchor and the next blank line.
    for number, rest in re.findall(r"\*\*([\d.]+)\*\* ((?:.+\n)+)", text):
        assert clauses()[number].text.startswith(rest.strip())
        assert clauses()[number].first == " ".join(rest.split())


def test_a_clause_ends_where_the_next_thing_begins() -> None:
    for clause in clauses().values():
        assert not re.search(r"^(#|>|<)", clause.text, re.MULTILINE), clause.number
    assert clauses()["8.1.3"].text.endswith("```")
    assert clauses()["7.2.2"].text.endswith("|")


def test_sections_hold_their_clauses() -> None:
    for clause in clauses().values():
        assert clause.text in sections()[clause.section].text
        assert clause.part == clause.section.partition(".")[0]
    held = sum(section.text.count('<a id="c-') for section in sections().values())
    assert held == len(clauses())


def test_errata_are_complete() -> None:
    text = (SPEC / "errata.md").read_text("utf-8")
    assert list(errata()) == [f"E-{n}" for n in re.findall(r'<a id="e-(\d+)"></a>', text)]
    for card in errata().values():
        assert list(card.fields) == ["Component", "Symptom", "In the file", "Remedy", "Source"]
        assert all(text.endswith(".") for text in card.fields.values()), card.code
        assert f"| [{card.code}](#{card.code.lower()}) | `{card.name}` |" in text


def test_rules_refer_to_errata_that_there_are() -> None:
    for rule in RULES.values():
        assert list(rule.errata) == sorted(set(rule.errata) & errata().keys())


def test_remedies_of_errata_stand_alone() -> None:
    """`mappedram explain` shows one card at a time."""
    for card in errata().values():
        assert not re.match(r"As for \[", card.fields["Remedy"]), card.code

"""`mappedram explain`: rules, errata and clauses, with what to do, as text and JSON."""

import re

import pytest

from mappedram.check import RULES
from mappedram.format.specification import clauses, errata, sections
from tests.cli.conftest import Run

MARKUP = re.compile(r"<a |\*\*|\]\(|<!--|\| ?---")


def words(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("code", RULES)
def test_a_rule(code: str, run: Run) -> None:
    rule, out = RULES[code], run("explain", code).out
    shown = words(out)
    assert shown.startswith(f"{code} {rule.name} ({rule.severity})")
    assert all(words(text) in shown for text in (rule.summary, rule.why, rule.qemu))
    assert f"What to do {words(rule.remedy)}" in shown
    assert f"Clause {rule.clause} of spec/format.md {plain(clauses()[rule.clause].first)}" in shown
    for card in rule.errata:
        assert f"Erratum {card} {errata()[card].name} - Component:" in shown
        assert plain(errata()[card].fields["Remedy"]) in shown
    assert not MARKUP.search(out)
    assert max(map(len, out.splitlines())) <= 90


def plain(markdown: str) -> str:
    """The words of a paragraph without links, as a person would copy them."""
    return re.sub(r"\[([^]]+)\]\([^)]*\)", r"\1", words(markdown))


@pytest.mark.parametrize("code", errata())
def test_an_erratum(code: str, run: Run) -> None:
    card, out = errata()[code], run("explain", code).out
    assert out.startswith(f"{code} {card.name}\n\nComponent\n  ")
    shown = words(out)
    for title, text in card.fields.items():
        assert f"{title} {plain(text)}".replace("_", "") in shown.replace("_", "")
    rules = [rule for rule in RULES.values() if code in rule.errata]
    assert all(f"{rule.code} {rule.name}" in shown for rule in rules)
    assert ("\nRules\n" in out) is bool(rules)
    assert not MARKUP.search(out)


def test_a_clause(run: Run) -> None:
    assert run("explain", "4.2.7").out == (
        "4.2.7 of spec/format.md\n"
        "\n"
        "4.2 START and FULL\n"
        "  A reader MUST report an empty `idstr`, and MAY continue.\n"
        "\n"
        "Rules\n"
        "  MR021 section-idstr-empty\n"
    )


@pytest.mark.parametrize("number", sections())
def test_a_section(number: str, run: Run) -> None:
    out = run("explain", number).out
    assert out.startswith(f"{number} of spec/format.md\n\n{sections()[number].heading}\n")
    assert not MARKUP.search(out)
    if number.isdecimal():  # a part, which is no more than its sections
        assert f"  - {number}.1 {sections()[f'{number}.1'].heading}\n" in out
    inside = [clause for clause in clauses().values() if clause.section == number]
    assert all(f"  {clause.number} " in out for clause in inside)


def test_a_rule_as_json(run: Run) -> None:
    rule = RULES["MR204"]
    document = run("explain", "mr204", "--output", "json").json
    texts = document.pop("texts")
    assert document == {
        "code": "MR204",
        "name": rule.name,
        "severity": rule.severity,
        "defect": rule.defect,
        "summary": rule.summary,
        "why": rule.why,
        "remedy": rule.remedy,
        "clause": rule.clause,
        "errata": list(rule.errata),
        "qemu": rule.qemu,
    }
    assert list(texts) == [rule.clause, *rule.errata]
    assert "before it divides by it" in texts[rule.clause]
    assert "page_size 0 crashes" not in texts["E-016"]  # the table of all cards is none of it
    assert "**Remedy:** Write the page size of the target" in texts["E-016"]


def test_an_erratum_as_json(run: Run) -> None:
    document = run("explain", "e-028", "--output", "json").json
    assert document["remedy"] == "Load with 11.0 or newer."
    assert list(document) == [
        *("code", "name", "component", "symptom", "in_the_file", "remedy", "source", "rules")
    ]
    assert (document["code"], document["rules"]) == ("E-028", ["MR209"])


def test_a_clause_as_json(run: Run) -> None:
    assert run("explain", "6.1.2", "--output", "json").json == {
        "clause": "6.1.2",
        "section": "6.1",
        "heading": "Fields",
        "text": "`version` MUST be 1.",
        "rules": [],
    }
    assert run("explain", "6.1", "--output", "json").json["heading"] == "Fields"


def test_all_rules_are_listed(run: Run) -> None:
    header, *rows = run("explain").out.splitlines()
    assert header.split() == ["code", "severity", "name", "defect"]
    assert [row.split()[0] for row in rows] == list(RULES)
    document = run("explain", "--output", "json").json
    assert [rule["code"] for rule in document] == list(RULES)
    assert [rule["remedy"] for rule in document] == [rule.remedy for rule in RULES.values()]


def test_lower_case_is_taken(run: Run) -> None:
    assert run("explain", "mr201") == run("explain", "MR201")
    assert run("explain", "e-001") == run("explain", "E-001")


@pytest.mark.parametrize(
    "name", ["MR999", "", "MR", "pages-offset", "E-999", "E-1", "4.2.99", "13"]
)
def test_a_name_that_nothing_has(name: str, run: Run) -> None:
    outcome = run("explain", name)
    assert outcome.status == 64
    assert repr(name) in outcome.err


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("MIG_CMD 0xb unknown (len 0x0)", ["MR031", "E-060"]),
        (
            "load of migration failed: Operation not permitted: error while loading state for"
            " instance 0x0 of device 'kvm-tpr-opt': post load hook failed for: kvm-tpr-opt,"
            " version_id: 1",
            ["E-058"],
        ),
    ],
)
def test_words_of_which_qemu_is_to_blame(text: str, codes: list[str], run: Run) -> None:
    """Rules and errata alike."""
    outcome = run("explain", text)
    assert outcome.status == 0
    assert outcome.out.splitlines()[-1] == "see: " + ", ".join(
        f"mappedram explain {code}" for code in codes
    )
    causes = run("explain", text, "--output", "json").json["causes"]
    assert [cause["code"] for cause in causes] == codes
    assert all(cause["remedy"] and cause["summary"] for cause in causes)

"""No regular expression uses a feature that early releases of Python 3.11 match wrongly."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def uses_re(node: ast.AST) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.module == "re"
    return isinstance(node, ast.Import) and "re" in {alias.name for alias in node.names}


def expressions(source: str) -> list[str]:
    """Possible regular expressions in a module that uses `re`: each text, and its parts."""
    nodes = list(ast.walk(ast.parse(source)))
    if not any(map(uses_re, nodes)):
        return []
    texts = []
    for node in nodes:
        if isinstance(node, ast.JoinedStr):
            # An inserted value becomes a group, as it is one if it is repeated.
            parts = (p.value if isinstance(p, ast.Constant) else "(?:x)" for p in node.values)
            texts.append("".join(map(str, parts)))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
            value = node.value
            texts.append(value if isinstance(value, str) else value.decode("latin-1"))
    return texts


def is_possessive(text: str) -> bool:
    """Whether a regular expression holds a possessive quantifier or an atomic group."""
    if not re.search(r"[*+?}]\+|\(\?>", text):
        return False
    try:
        # No public API tells how a pattern is parsed.
        plain = re.sub(r"\b[Cg]\+\+", "C", text)
        parsed = re._parser.parse(plain)  # type: ignore[attr-defined]  # noqa: SLF001
    except re.error:
        return False
    return bool(re.search("POSSESSIVE|ATOMIC", str(parsed)))


def test_none_is_possessive() -> None:
    """CPython 3.11.2 sets the end of a possessive group behind the attempt that failed."""
    for folder in ("mappedram", "tools", "tests"):
        for path in {*(ROOT / folder).rglob("*.py")} - {Path(__file__).resolve()}:
            found = filter(is_possessive, expressions(path.read_text(encoding="utf-8")))
            assert not list(found), path


@pytest.mark.parametrize("spelled", ["r'{}'", "rb'{}'", "rf'{{count}}{}'", "f(rb'%b{}' % word)"])
@pytest.mark.parametrize(
    ("text", "possessive"),
    [
        *((text, True) for text in ("(?:a)++", "(ab)*+", "a?+", "a{2,3}+", "(?>a)", "b|(c(d++))")),
        *((text, False) for text in (r"a+\+", "[*+]+", "(a+)+", "a+?", "(?:a)+", "g(++")),
    ],
)
def test_possessive_ones_are_found(text: str, possessive: bool, spelled: str) -> None:
    braces = text.replace("{", "{{").replace("}", "}}") if "rf" in spelled else text
    source = spelled.format(braces)
    assert any(map(is_possessive, expressions(f"import re\n{source}"))) == possessive
    assert any(map(is_possessive, expressions(f"from re import match\n{source}"))) == possessive
    assert expressions(f"import regex\n{source}") == []

"""The spec obeys the portable subset and the style guide of Kaitai's gallery."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conformance.toolchains import compiler, missing
from tests.conftest import FIXTURES
from tools.generate import gallery, imhex, ksc, ksy, languages, portable

#: Attributes that each break one rule of `portable`, by the beginning of the rule.
UNPORTABLE = {
    "`%`": "instances: {odd: {value: (size % 2).as<u8>}}",
    "`&`": "instances: {low: {value: (total & 0x3ff).as<u8>}}",
    "a value": "instances: {end: {value: start + length}}",
    "a number": "instances: {next: {value: '(has ? 8 : length).as<u8>'}}",
    "the size": "instances: {fits: {value: end <= _io.size}}",
    "`_index`": "seq: [{id: all, type: 'one(_index)', repeat: until, repeat-until: _.last}]",
    "an instance": "instances: {kind: {pos: 0, type: u1, enum: kind}}",
    "an expression": "seq: [{id: size, type: u8, valid: {expr: total == 4}}]",
    "integers": "seq: [{id: size, type: u8, valid: 9007199254740993}]",
}
#: A `.ksy` that the gallery accepts, and changes that it rejects.
TIDY = """\
meta:
  id: tidy
  title: Something
  application: QEMU
  xref:
    wikidata: Q624699
  tags:
    - virtualization
  license: CC0-1.0
  ks-version: 0.11
doc: Something.
doc-ref: a file
seq:
  - id: size
    type: u8
    doc: How long.
enums:
  kind:
    0:
      id: raw
      -orig-id: RAW
"""
UNTIDY: dict[str, Callable[[str], str]] = {
    "no license": lambda text: text.replace("  license: CC0-1.0\n", ""),
    "license GPL": lambda text: text.replace("CC0-1.0", "GPL-2.0-only"),
    "no doc-ref": lambda text: text.replace("doc-ref: a file\n", ""),
    "longer": lambda text: text.replace("How long.", "How long. " * 9),
    "white space": lambda text: text.replace("Something.\n", "Something. \n"),
    "the order is": lambda text: text.replace(
        "    type: u8\n    doc: How long.\n", "    doc: How long.\n    type: u8\n"
    ),
    "no place for": lambda text: text.replace("    type: u8\n", "    type: u8\n    kind: 1\n"),
    "/size: no doc": lambda text: text.replace("    doc: How long.\n", ""),
    "no -orig-id": lambda text: text.replace("      -orig-id: RAW\n", ""),
    "not snake_case": lambda text: text.replace("id: size", "id: theSize"),
}


def test_the_spec_is_portable() -> None:
    assert portable.lint() == []


@pytest.mark.parametrize("rule", portable.RULES)
def test_each_trap_is_found(rule: str) -> None:
    broken = next(text for start, text in UNPORTABLE.items() if rule.startswith(start))
    (problem,) = portable.problems(yaml.safe_load(broken))
    assert problem.endswith(rule)


def test_narrow_numbers_are_narrow() -> None:
    """Numbers used in bit operations have at most 16 bits."""
    types: dict[str, Any] = {
        entry.place.rpartition("/")[2]: entry.keys.get("type")
        for source in ksy.sources()
        for entry in portable.attributes(ksy.load(source))
    }
    assert {types[name] for name in portable.NARROW} <= {"u1", "u2"}


def test_the_spec_is_tidy() -> None:
    assert gallery.lint() == []
    assert list(gallery.problems(TIDY, yaml.safe_load(TIDY))) == []


@pytest.mark.parametrize("said", UNTIDY)
def test_each_untidiness_is_found(said: str) -> None:
    text = UNTIDY[said](TIDY)
    assert text != TIDY
    assert any(said in problem for problem in gallery.problems(text, yaml.safe_load(text)))


def test_there_are_sample_files() -> None:
    """The gallery requires a file of each format, small enough for a pull request."""
    samples = {
        "mapped_ram": "none.tar.gz",
        "libvirt_save_image": "libvirt-sparse.tar.gz",
        "qcow2": "savevm-mapped-ram.tar.gz",
    }
    formats = {source.stem for source in ksy.sources() if "seq" in ksy.load(source)}
    formats |= {source.stem for source in ksy.sources() if "instances" in ksy.load(source)}
    formats.remove("stream_header")  # a part of the others
    assert formats == set(samples)
    for sample in samples.values():
        assert 0 < (FIXTURES / sample).stat().st_size < 1 << 20


def test_the_compiler_has_no_warnings(workshop: Path, tmp_path: Path) -> None:
    if lacking := missing("go"):
        pytest.skip(f"the compiler needs {', '.join(lacking)}: run tools/install")
    assert ksc.compile_spec(compiler(workshop), "ruby", (), tmp_path) == ""
    assert {path.stem for path in tmp_path.iterdir()} == {path.stem for path in ksy.sources()}


def test_rust_takes_nothing_long_for_32_bits(workshop: Path, tmp_path: Path) -> None:
    """Rust uses `i32` for numbers without a cast: only short numbers and equality are safe."""
    if lacking := missing("go"):
        pytest.skip(f"the compiler needs {', '.join(lacking)}: run tools/install")
    folder = languages.generate("rust", compiler(workshop), tmp_path)
    text = (folder / "mapped_ram.rs").read_text(encoding="utf-8")
    narrowed = set(re.findall(r"([\w.()?*]+) as i32\b", text))
    short = r"\(\d+|\(_i|.*\.len\(\)|.*\.flag\(\)|.*\.(id_here\(\)\?|section_id\(\))"
    assert {one for one in narrowed if not re.fullmatch(short, one)} == set()
    assert "as u64) <= " in text


def test_a_language_that_is_refused(workshop: Path, tmp_path: Path) -> None:
    if lacking := missing("go"):
        pytest.skip(f"the compiler needs {', '.join(lacking)}: run tools/install")
    with pytest.raises(RuntimeError, match="an implementation is missing"):
        languages.generate("nim", compiler(workshop), tmp_path)


def test_the_pattern_for_imhex_has_every_structure_of_the_walk() -> None:
    (text,) = imhex.outputs().values()
    assert text.count("{") == text.count("}")
    for entry in ksy.types():
        if entry.module in imhex.MODULES and entry.name not in imhex.LEFT_OUT:
            start = text.index(f"struct {imhex.name_of(entry.name)}")
            body = text[start : text.index("};", start)]
            for field in entry.fields:
                assert f" {field.name}" in body

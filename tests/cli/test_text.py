"""Formatting for a person."""

import pytest

from mappedram.format.validity import Scalar
from mappedram.printable import printable
from mappedram.view.fields import decoded
from mappedram.view.text import folded, hex_lines, size, table


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0, "0 B"),
        (1, "1 B"),
        (1023, "1023 B"),
        (1024, "1 KiB"),
        (1536, "1.5 KiB"),
        (16 << 20, "16 MiB"),
        ((16 << 20) + 1, "16.0 MiB"),
        (1 << 60, "1 EiB"),
        ((1 << 64) - 1, "16.0 EiB"),
    ],
)
def test_size(number: int, shown: str) -> None:
    assert size(number) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("pc.ram", "pc.ram"),
        ("caf\xe9", "caf\xe9"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\nb\0", "a\\nb\\x00"),
        ("\x9b2J\x7f", "\\x9b2J\\x7f"),
        ("\u202egnp", "\\u202egnp"),
        ("\udcff", "\\udcff"),
    ],
)
def test_printable(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert shown.isprintable()


def test_hex_lines() -> None:
    assert list(hex_lines(0x10, b"QEVM" + bytes(14))) == [
        "0x00000010  51 45 56 4d 00 00 00 00 00 00 00 00 00 00 00 00  |QEVM............|",
        "0x00000020  00 00                                            |..|",
    ]


def test_the_last_cell_is_wrapped() -> None:
    rows = [("a", "some words that need more than one line"), ("b", "x" * 40)]
    assert list(table(("code", "meaning"), rows, columns=30)) == [
        *("code", "    meaning"),
        *("a", "    some words that need more", "    than one line"),
        *("b", f"    {'x' * 40}"),
    ]


def test_table() -> None:
    rows = [("a", 1), "a line of its own", ("bcd", None)]
    assert list(table(("name", "n"), rows, "n")) == [
        "name  n",
        "a     1",
        "a line of its own",
        "bcd   -",
    ]


@pytest.mark.parametrize(
    ("items", "shown"),
    [
        ("", ""),
        ("aaa", "aaa"),
        ("aaaa", "a(aaa)"),
        ("xaaaaay", "xa(aaaa)y"),
        ("abababab", "ab(ababab)"),
        ("sababababae", "sab(ababab)ae"),
        ("abcabcabcabcd", "abc(abcabcabc)d"),
        ("abababcdcdcd", "abababcdcdcd"),
        ("aaaabbbb", "a(aaa)b(bbb)"),
    ],
)
def test_folded(items: str, shown: str) -> None:
    pieces = list(folded(items, str))
    assert "".join(f"{a}({b})" if b else str(a) for a, b in pieces) == shown


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("section_type", 1, "0x01 QEMU_VM_SECTION_START"),
        ("section_type", 0x7E, "0x7e QEMU_VM_SECTION_FOOTER"),
        ("section_type", 6, "0x06 QEMU_VM_VMDESCRIPTION"),
        ("command", 11, "11 MIG_CMD_SWITCHOVER_START"),
        ("command", 99, "99 (unknown command)"),
        ("flags", 0x10, "RAM_SAVE_FLAG_EOS"),
        ("flags", 0x130, "RAM_SAVE_FLAG_EOS | RAM_SAVE_FLAG_CONTINUE | 0x100"),
        ("total_and_flags", 0x100004, "RAM_SAVE_FLAG_MEM_SIZE | 0x100000 (1 MiB)"),
        ("used_length", 1 << 24, "0x1000000 (16 MiB)"),
        ("pages_offset", 1 << 20, "0x100000"),
        ("target_page_bits", 12, "12 (pages of 4 KiB)"),
        ("target_page_bits", 0xFFFFFFFF, "4294967295"),
        ("uuid", bytes(range(16)), "00010203-0405-0607-0809-0a0b0c0d0e0f"),
        ("idstr", "a\x1bb", '"a\\x1bb"'),
        ("magic", b"QEVM", '"QEVM"'),
        ("data", b"\x01\xff", "01 ff"),
        ("data", b"", ""),
        ("version_id", 4, "4"),
    ],
)
def test_decoded(name: str, value: Scalar, shown: str) -> None:
    assert decoded(name, value) == shown

"""The tables of what `restore-hint` does with each device, from the results of `tools.devices`."""

import re
from collections.abc import Iterable, Iterator

from tools.devices import results
from tools.devices.results import Row

_MARKS = {
    "<!-- table: restored guests -->": "_counts",
    "<!-- table: restored otherwise -->": "_otherwise",
    "<!-- table: not restored -->": "_not_restored",
}
#: Names of devices, numbers and addresses in a message, which differ where the reason is the same.
_OWN = re.compile(r"^-device [^:]*: |\d{4}:\d{2}:\d{2}\.\d(/1)?/?|^[\w.-]+: ")


def with_tables(page: str) -> str:
    """The page with its tables inserted."""
    makers = {"_counts": _counts, "_otherwise": _otherwise, "_not_restored": _not_restored}
    for mark, name in _MARKS.items():
        if mark in page:
            page = page.replace(mark, "\n".join(makers[name](results.read())))
    return page


def _counts(rows: results.Rows) -> Iterator[str]:
    yield "| QEMU | machine | guests | saved | loaded as printed |"
    yield "|---|---|---|---|---|"
    for (qemu, board), own in _by_board(rows).items():
        saved = [row for row in own if row["saved"] == "completed"]
        loaded = [row for row in saved if row["loaded"] == "completed"]
        yield f"| {qemu} | {board} | {len(own)} | {len(saved)} | {len(loaded)} |"


def _by_board(rows: results.Rows) -> dict[tuple[str, str], list[Row]]:
    found: dict[tuple[str, str], list[Row]] = {}
    for (qemu, name), row in sorted(rows.items()):
        found.setdefault((qemu, name.partition("/")[0]), []).append(row)
    return found


def _otherwise(rows: results.Rows) -> Iterator[str]:
    """Devices for which another one is printed, or none."""
    yield "| printed | device of the guest |"
    yield "|---|---|"
    grouped: dict[str, set[str]] = {}
    for row in rows.values():
        printed = results.printed_instead(row)
        if printed is not None:
            grouped.setdefault(printed, set()).add(results.device_of(row))
    for printed, devices in sorted(grouped.items()):
        what = f"`{printed}`" if printed else "nothing: the file has no trace of it"
        yield f"| {what} | {_names(devices)} |"


def _not_restored(rows: results.Rows) -> Iterator[str]:
    yield "| what happens | why | devices |"
    yield "|---|---|---|"
    grouped: dict[tuple[str, str], set[str]] = {}
    saved = {results.device_of(row) for row in rows.values() if row["saved"] == "completed"}
    for row in rows.values():
        if results.is_wrong(row):
            key = ("QEMU refuses the file", results.reason_of(row) or row["loaded"])
        elif results.device_of(row) not in saved:
            blocked = "migra" in row["saved"] or "Migra" in row["saved"]
            what = "QEMU does not save it" if blocked else "QEMU does not create it alone"
            key = (what, _plain(row["saved"]))
        else:
            continue
        grouped.setdefault(key, set()).add(results.device_of(row))
    for (what, why), devices in sorted(grouped.items()):
        yield f"| {what} | {why} | {_names(devices)} |"


def _plain(message: str) -> str:
    """A message of QEMU without names that differ between devices."""
    told = _OWN.sub("", message.removeprefix("migrate: "))
    told = re.sub(r"'[^']*'|\(null\)", "…", told)
    return _OWN.sub("", told).replace("|", "\\|")


def _names(devices: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(devices))

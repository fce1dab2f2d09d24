"""Results on disk, their differences, and their summary."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

PATH = Path(__file__).with_name("results.json")
#: The result of one case: see `trial.run`.
Row = dict[str, Any]
#: A row by the version of QEMU and the name of the case.
Rows = Mapping[tuple[str, str], Row]
#: What has to be the same when a case is tried again.
_COMPARED = ("saved", "loaded", "not_covered", "options")


def read(path: Path = PATH) -> dict[tuple[str, str], Row]:
    """The results; none if there is no file."""
    if not path.exists():
        return {}
    found = json.loads(path.read_text(encoding="utf-8"))
    return {(qemu, row["name"]): row for qemu, rows in found.items() for row in rows}


def write(path: Path, rows: Rows) -> None:
    """Write the results, one line each."""
    lines = []
    for qemu in sorted({qemu for qemu, _ in rows}):
        own = [json.dumps(rows[key]) for key in sorted(rows) if key[0] == qemu]
        lines.append(f"{json.dumps(qemu)}: [\n" + ",\n".join(own) + "\n]")
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def is_wrong(row: Row) -> bool:
    """Whether a guest that QEMU saves does not load."""
    return bool(row["saved"] == "completed" and row["loaded"] != "completed")


#: Why some guests that can be saved do not load, by the name of the case.
REASONS = (
    (
        r"(pc|q35|virt)/(cxl-.*|aspeed.pcie-root-port)",
        "the port saves only a PCI bus, which does not tell what made it; named as not covered",
    ),
)


def reason_of(row: Row) -> str | None:
    """Why a guest does not load; None if that is unknown."""
    return next((why for name, why in REASONS if re.fullmatch(name, row["name"])), None)


def device_of(row: Row) -> str:
    """The device on trial; empty for a machine alone and for guests with several."""
    device = str(row["name"]).partition("/")[2]
    return "" if device.startswith("+") else device


#: Controllers that a device on trial hangs on.
_CONTROLLERS = {"qemu-xhci", "virtio-scsi-pci", "intel-hda", "sdhci-pci", "ich9-ahci", "usb-ccid"}


def printed_instead(row: Row) -> str | None:
    """The device that is printed for the one on trial; empty for none; None if it is the same."""
    device = device_of(row)
    if not device or row["saved"] != "completed" or row["loaded"] != "completed":
        return None
    names = [option.removeprefix("-device ").split(",")[0] for option in row["options"]]
    if device in names:
        return None
    like = [name for name in names if device.startswith(name)]
    others = [name for name in names if name not in _CONTROLLERS]
    return str([*like, *others, ""][0])


def differences(known: Rows, found: Rows) -> Iterator[str]:
    """What differs from known results, as lines; a case that is not known differs."""
    for key, row in found.items():
        before = known.get(key, {})
        for field in _COMPARED:
            if before.get(field) != row.get(field):
                yield f"{' '.join(key)}: {field}: {before.get(field)} -> {row.get(field)}"


def summary(rows: Rows) -> Iterator[str]:
    """Numbers for each version and machine, and the cases that are wrong."""
    for qemu in sorted({qemu for qemu, _ in rows}):
        own = [row for key, row in rows.items() if key[0] == qemu]
        counts = Counter(row["name"].partition("/")[0] for row in own)
        for board, number in counts.items():
            here = [row for row in own if row["name"].partition("/")[0] == board]
            saved = [row for row in here if row["saved"] == "completed"]
            wrong = sum(map(is_wrong, saved))
            yield f"{qemu} {board}: {number} guests, {len(saved)} saved, {wrong} do not load"
    for key, row in rows.items():
        if is_wrong(row) or row.get("not_covered"):
            yield f"    {' '.join(key)}: {row['loaded']} {row['not_covered'] or ''}"

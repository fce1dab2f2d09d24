"""`python -m tools.campaign.record`: record the results of QEMUs for mutants of a fixture.

The fixture `none` has no firmware, so its mutants can be made anywhere. The results of each QEMU go
into `tests/qemu/loader/measured.json.xz`, for the tests; results of other QEMUs there are kept.
"""

import argparse
import json
import lzma
import os
import sys
import tempfile
from pathlib import Path
from random import Random
from typing import Any

import mappedram
from mappedram.fuzz.mutate import LENGTH, Mutation, Mutator, apply
from mappedram.qemu.run.load import QemuLoader, digest_of_snapshot
from tools.qemu import version
from tools.unpack import unpack

ROOT = Path(__file__).resolve().parents[2]
FIXTURE, GUEST = ROOT / "tests" / "fixtures" / "none.tar.gz", "none"
MEASURED = ROOT / "tests/qemu/loader/measured.json.xz"
#: Numbers of mutations of a mutant.
_COUNTS = (1, 1, 2, 3)


def main() -> int:
    """Load the mutants, and write the results."""
    parser = argparse.ArgumentParser(prog="python -m tools.campaign.record", description=__doc__)
    parser.add_argument("--qemu", type=Path, action="append", required=True)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", default="1")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        base = unpack(FIXTURE, Path(folder))
        mutants = _mutants(base, options.seed, options.count)
        known = {json.dumps(one["patches"]): one["qemu"] for one in read()}
        for one in mutants:
            one["qemu"] = known.get(json.dumps(one["patches"]), {})
        for qemu in options.qemu:
            _load(qemu, base, mutants)
    text = json.dumps(mutants, separators=(",", ":"))
    MEASURED.write_bytes(lzma.compress(text.encode(), preset=9))
    return 0


def read() -> list[dict[str, Any]]:
    """Read the mutants: `patches`, applied in order, and the result of each version of QEMU.

    A patch is an offset and bytes in hexadecimal digits; or `length`, the new length of the file,
    and the bytes between the old and the new end.
    """
    if not MEASURED.exists():
        return []
    found: list[dict[str, Any]] = json.loads(lzma.decompress(MEASURED.read_bytes()))
    return found


def mutations_of(patches: list[list[Any]]) -> list[Mutation]:
    """Convert patches for `mappedram.fuzz.mutate.apply`."""
    return [
        Mutation(LENGTH, patch[1], b"", bytes.fromhex(patch[2]), "")
        if patch[0] == "length"
        else Mutation("", patch[0], b"", bytes.fromhex(patch[1]), "")
        for patch in patches
    ]


def _mutants(base: Path, seed: str, count: int) -> list[dict[str, Any]]:
    with mappedram.open(base) as snapshot:
        mutator = Mutator(snapshot)
        found = []
        for index in range(count):
            random = Random(f"{seed}:{index}")
            drawn = mutator.draw(random, random.choice(_COUNTS))
            found.append({"patches": [_patch(one) for one in drawn]})
    return found


def _patch(one: Mutation) -> list[Any]:
    if one.path == LENGTH:
        return ["length", one.offset, one.after.hex()]
    return [one.offset, one.after.hex()]


def _load(qemu: Path, base: Path, mutants: list[dict[str, Any]]) -> None:
    name = ".".join(map(str, version(qemu)))
    data = base.read_bytes()
    with mappedram.open(base) as snapshot, QemuLoader(qemu, GUEST) as loader:
        expected = digest_of_snapshot(snapshot, loader.guest)
        for number, one in enumerate(mutants):
            with tempfile.NamedTemporaryFile(dir="/dev/shm") as file:
                file.write(data)
                file.flush()
                apply(file.fileno(), mutations_of(one["patches"]))
                loaded = loader.load(file.name, 0, expected)
            one["qemu"][name] = {"outcome": loaded.outcome, "message": loaded.message[:200]}
            if number % 100 == 0:
                print(f"{name}: {number} of {len(mutants)}", file=sys.stderr, flush=True)
    os.sync()


if __name__ == "__main__":
    sys.exit(main())

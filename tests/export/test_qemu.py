"""Compare with `dump-guest-memory` of the same guest: memory and notes are equal in every byte."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import mappedram
from tests.cli.conftest import Run
from tests.conftest import Fixtures
from tests.export.guests import MIB, Guest, dump_and_save, stopped
from tests.export.readers import Core, core, lime
from tests.export.targets import TARGETS, stopped_target
from tests.qemu.test_fresh import binary
from tools.qemu import Machine, distinct, pattern
from tools.qemu.table import RUNS, TEMPLATES

#: Little RAM below 4 GiB, so that even a small guest has some above.
SPLIT = "max-ram-below-4g=32M"

GUESTS = {
    "pc-1": Guest("pc-i440fx-10.0"),
    "pc-4-above": Guest(f"pc-i440fx-10.0,{SPLIT}", 4),
    "q35-4": Guest("pc-q35-10.0", 4),
    "q35-1-above": Guest(f"pc-q35-10.0,{SPLIT}"),
    "q35-4-above": Guest(f"pc-q35-10.0,{SPLIT}", 4),
    "pc-2-max": Guest("pc-i440fx-10.0", 2, more="-cpu max -device vmcoreinfo"),
}


def exported(run: Run, path: Path, form: str, *args: object) -> Path:
    out = path.with_suffix(f".{form}")
    outcome = run("convert", "-O", form, path, out, *args)
    assert (outcome.status, outcome.err) == (0, "")
    return out


def differing(ours: Core, theirs: Core) -> int:
    assert ours.memory.places == theirs.memory.places
    pairs = zip(ours.memory.ranges, theirs.memory.ranges, strict=True)
    return sum(int((mine != other).sum()) for (_, mine), (_, other) in pairs)


@pytest.mark.qemu
@pytest.mark.parametrize("name", GUESTS)
def test_same_as_qemu(tmp_path: Path, run: Run, name: str) -> None:
    guest, path = GUESTS[name], tmp_path / "guest"
    with stopped(guest, tmp_path) as machine:
        dump_and_save(machine, tmp_path / "dump", path)
    theirs, ours = core(tmp_path / "dump"), core(exported(run, path, "elf"))
    assert theirs.machine == ours.machine == "EM_X86_64"
    assert sum(size for _, size in theirs.memory.places) == guest.size * MIB + (64 << 10)
    assert differing(ours, theirs) == 0
    assert [note.name for note in theirs.notes] == ["CORE"] * guest.cpus + ["QEMU"] * guest.cpus
    assert ours.note_bytes == theirs.note_bytes
    # The comparison is meaningful: registers and memory differ from place to place.
    assert len({note.desc[112:] for note in ours.notes}) == 2 * guest.cpus
    assert np.count_nonzero(ours.memory.ranges[0][1]) > 64 << 10
    assert lime(exported(run, path, "lime")) == theirs.memory
    raw = np.memmap(exported(run, path, "raw"), np.uint8, "r")
    below = 32 * MIB if SPLIT in guest.machine else guest.size * MIB
    above = guest.size * MIB - below
    assert len(raw) == (4096 * MIB + above if above else below)
    assert np.array_equal(raw[:below], theirs.memory.at(0, below))
    if above:
        assert np.array_equal(raw[4096 * MIB :], theirs.memory.at(4096 * MIB, above))


@pytest.mark.qemu
@pytest.mark.parametrize("machine_type", ["pc-i440fx-10.0", "pc-q35-10.0"])
def test_memory_of_a_guest_that_never_ran(tmp_path: Path, run: Run, machine_type: str) -> None:
    """ROM still hides RAM below 1 MiB; QEMU then writes 32-bit registers, but we never do."""
    path = tmp_path / "guest"
    with stopped(Guest(machine_type, 2, firmware=False), tmp_path) as machine:
        dump_and_save(machine, tmp_path / "dump", path)
    dump = tmp_path / "dump"
    theirs, ours = core(dump), core(exported(run, path, "elf"))
    assert (theirs.machine, ours.machine) == ("EM_386", "EM_X86_64")
    assert differing(ours, theirs) == 0
    own = [note for note in theirs.notes if note.name == "QEMU"]
    assert [note.whole for note in ours.notes[2:]] == [note.whole for note in own]


@pytest.mark.qemu
def test_emulator_of_32_bits(tmp_path: Path, run: Run) -> None:
    guest = Guest(f"pc-i440fx-10.0,{SPLIT}", 2, firmware=False, arch="i386")
    with stopped(guest, tmp_path) as machine:
        dump_and_save(machine, tmp_path / "dump", tmp_path / "guest")
    theirs, ours = core(tmp_path / "dump"), core(exported(run, tmp_path / "guest", "elf"))
    assert theirs.machine == ours.machine == "EM_386"
    assert differing(ours, theirs) == 0
    assert ours.note_bytes == theirs.note_bytes
    assert [len(note.desc) for note in ours.notes] == [144, 144, 440, 440]


@pytest.mark.qemu
def test_streams_are_exported_too(tmp_path: Path, run: Run) -> None:
    path = tmp_path / "guest"
    with stopped(Guest(f"pc-q35-10.0,{SPLIT}"), tmp_path) as machine:
        dump_and_save(machine, tmp_path / "dump", path, capabilities=())
    with mappedram.open(path) as snapshot:
        assert not snapshot.stream.mapped_ram
    theirs = core(tmp_path / "dump")
    for channels in (1, 3):
        ours = core(exported(run, path, "elf", "--channels", channels, "--force"))
        assert differing(ours, theirs) == 0
        assert ours.note_bytes == theirs.note_bytes
    assert lime(exported(run, path, "lime")) == theirs.memory


@pytest.mark.qemu
@pytest.mark.parametrize("name", TARGETS)
def test_other_targets(tmp_path: Path, run: Run, name: str) -> None:
    """QEMU leaves out flash, and so do we; the rest is equal in every byte."""
    target, path = TARGETS[name], tmp_path / "guest"
    with stopped_target(target, tmp_path) as machine:
        dump_and_save(machine, tmp_path / "dump", path)
    lengths = ("--vector-lengths", target.lengths) if target.lengths else ()
    theirs, ours = core(tmp_path / "dump"), core(exported(run, path, "elf", *lengths))
    assert (theirs.machine, *theirs.encoding) == (ours.machine, *ours.encoding) == target.elf
    assert differing(ours, theirs) == 0
    assert ours.note_bytes == theirs.note_bytes
    assert [(note.name, note.type) for note in ours.notes] == [*target.notes] * target.cpus
    # The comparison is meaningful: the first CPU has hardly a register twice.
    first = b"".join(note.desc for note in ours.notes[: len(target.notes)])
    assert len({first[at : at + 4] for at in range(0, len(first), 4)}) > 17
    place, ram = max(ours.memory.ranges, key=lambda one: (len(one[1]), one[0]))
    assert not target.ram or np.count_nonzero(ram[-128 << 10 :]) > 64 << 10
    assert lime(exported(run, path, "lime")) == theirs.memory
    raw = np.memmap(exported(run, path, "raw"), np.uint8, "r")
    assert np.array_equal(raw[place : place + len(ram)], ram)


@pytest.mark.qemu
def test_vectors_whose_length_is_unknown(tmp_path: Path, run: Run) -> None:
    """All other notes are there, and standard error says what is missing."""
    path, out = tmp_path / "guest", tmp_path / "core"
    with stopped_target(TARGETS["sve-max"], tmp_path) as machine:
        dump_and_save(machine, tmp_path / "dump", path)
    outcome = run("convert", "-O", "elf", path, out)
    assert outcome.status == 0
    assert "CPU 0: no NT_ARM_SVE: the file does not record which vector lengths" in outcome.err
    whole = core(tmp_path / "dump").notes
    assert [note.whole for note in core(out).notes] == [note.whole for note in whole[:2]]
    outcome = run("convert", "-O", "elf", "--force", "--vector-lengths", "128,256", path, out)
    assert "no NT_ARM_SVE: a vector register has more than 256 bits" in outcome.err
    assert len(core(out).notes) == 2


@pytest.mark.qemu
def test_vectors_that_qemu_does_not_save(tmp_path: Path, run: Run) -> None:
    """Of longer registers it saves the first 1024 bits; half a register is no register."""
    path, out = tmp_path / "guest", tmp_path / "core"
    target = replace(TARGETS["sve-max"], program=distinct.aarch64_sve(9))
    with stopped_target(target, tmp_path) as machine:
        dump_and_save(machine, tmp_path / "dump", path)
    outcome = run("convert", "-O", "elf", "--vector-lengths", target.lengths, path, out)
    assert "QEMU saved 1024 of the 1152 bits of each vector register" in outcome.err
    whole = core(tmp_path / "dump").notes
    assert [note.whole for note in core(out).notes] == [note.whole for note in whole[:2]]


@pytest.mark.qemu
def test_memory_that_is_not_in_the_file(tmp_path: Path, run: Run) -> None:
    """Shared memory that QEMU left out is not zero memory."""
    path, out = tmp_path / "guest", tmp_path / "out"
    with stopped(Guest("pc-q35-10.0", share="on"), tmp_path) as machine:
        machine.save(path, capabilities=("x-ignore-shared",))
    assert run("convert", "-O", "elf", path, out).status == 1
    assert not out.exists()
    outcome = run("convert", "-O", "elf", "--partial", path, out)
    assert outcome.status == 2
    assert "pc.ram 0x0-0x4000000: unknown: the save skipped the block" in outcome.out
    assert core(out).memory.places == [(0xFFFF0000, 64 << 10)]
    assert len(core(out).notes) == 2


@pytest.mark.qemu
@pytest.mark.parametrize("name", ["template", "template-plain"])
@pytest.mark.parametrize("how", ["build", "mapped-ram", "stream"])
def test_a_snapshot_completed_from_shared_memory_is_loaded(
    fixtures: Fixtures, tmp_path: Path, run: Run, name: str, how: str
) -> None:
    """By every QEMU, although those before 11.0 refuse what QEMU wrote."""
    source, whole, memory = fixtures[name].path, tmp_path / "whole", tmp_path / "memory"
    pattern.fill(memory, 16 * MIB, 4096, RUNS, pattern.seed(b"RAM0"))
    given = f"mem={memory}"
    if how == "build":
        outcome = run("build", "--from", source, "--set", given, whole)
    else:
        outcome = run("convert", "-O", how, "--memory", given, source, whole)
    assert (outcome.status, outcome.err) == (0, "")
    fixture = next(one for one in TEMPLATES if one.name == name)
    private = replace(fixture, args=fixture.args.replace("share=on", "share=off"))
    arguments = private.prepare(tmp_path, blank=True)
    capabilities = () if how == "stream" else ("mapped-ram",)
    with Machine(binary("x86_64"), arguments, incoming=True) as machine:
        machine.load(whole, capabilities=capabilities)
        machine.pmemsave(MIB, 15 * MIB, tmp_path / "seen")
    assert (tmp_path / "seen").read_bytes() == memory.read_bytes()[MIB:]

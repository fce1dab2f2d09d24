"""A snapshot, and every verb that reads or writes one."""

import os
from pathlib import Path
from typing import NamedTuple

import mappedram
from mappedram.export.stream import to_stream
from mappedram.io.opening import open_source
from tools.oracle import OracleBlock, OracleFile

PAGE = 4096
MIB = 1 << 20
#: A run that the kernel copies, short runs, and places of pages that turned zero.
RUNS = [(0, 3), (40, 400), (401, 402), (600, 640), (900, 1024)]
STALE = [(10, 12), (400, 401), (650, 700)]

WRITING = {
    "extract": ("extract", "-b", "pc.ram", "-o", "OUT", "FILE"),
    "extract-direct": ("extract", "--direct-io", "-b", "pc.ram", "-o", "OUT", "FILE"),
    "extract-stream": ("extract", "-b", "pc.ram", "-o", "OUT", "STREAM"),
    "raw": ("convert", "-O", "raw", "--below-4g", "4M", "FILE", "OUT"),
    "elf": ("convert", "-O", "elf", "--below-4g", "4M", "FILE", "OUT"),
    "lime": ("convert", "-O", "lime", "--below-4g", "4M", "FILE", "OUT"),
    "stream": ("convert", "-O", "stream", "FILE", "OUT"),
    "again": ("convert", "-O", "mapped-ram", "FILE", "OUT"),
    "sparse": ("convert", "-O", "mapped-ram", "--sparse", "FILE", "OUT"),
    "dense": ("convert", "-O", "mapped-ram", "--dense", "FILE", "OUT"),
    "from-stream": ("convert", "-O", "mapped-ram", "STREAM", "OUT"),
    "build": ("build", "--from", "FILE", "--set", "pc.ram=RAW", "OUT"),
    "repair": ("repair", "FILE", "OUT"),
    "metadump": ("metadump", "FILE", "OUT"),
    "unpacked": ("metadump", "--unpacked", "FILE", "OUT"),
    "replace": ("extract", "--force", "-b", "pc.ram", "-o", "OLD", "FILE"),
}
READING = {
    "check": ("check", "FILE"),
    "info": ("info", "FILE"),
    "layout": ("layout", "--hex", "FILE"),
    "diff": ("diff", "FILE", "STREAM"),
    "map": ("map", "FILE"),
}
VERBS = WRITING | READING
#: The files for these words.
NAMES = {"FILE": "guest", "STREAM": "plain", "RAW": "ram", "OUT": "out", "OLD": "old"}


class Place(NamedTuple):
    """A folder with the inputs of all verbs."""

    folder: Path

    def command(self, verb: str, **others: Path) -> list[str]:
        """The words of a verb, with the paths, some of them replaced."""
        paths = {word: self.folder / name for word, name in NAMES.items()} | others
        words = [str(paths.get(word, word)) for word in VERBS[verb]]
        return [word.replace("=RAW", f"={paths['RAW']}") for word in words]

    def reset(self) -> None:
        """Restore the state before any verb."""
        for name in set(os.listdir(self.folder)) - {"guest", "plain", "ram", "old"}:
            (self.folder / name).unlink()
        (self.folder / "old").write_bytes(b"old")

    def result(self) -> tuple[dict[str, bytes], set[str]]:
        """Contents of the outputs, of a metadump the original's; and the names of all files."""
        written = {}
        for name in set(os.listdir(self.folder)) & {"out", "old"}:
            with open_source(self.folder / name) as source:
                written[name] = source.read(0, source.size)
        return written, set(os.listdir(self.folder))


def make(folder: Path) -> Place:
    """The inputs of all verbs, in a folder."""
    page = bytes(range(256)) * (PAGE // 256)
    with (folder / "guest").open("w+b") as stream:
        block = OracleBlock("pc.ram", 4 * MIB, RUNS, page)
        OracleFile([block], machine="pc-q35-10.0").write(stream.fileno())
    with mappedram.open(folder / "guest") as snapshot, (folder / "guest").open("r+b") as stream:
        for start, stop in STALE:
            stream.seek((snapshot.blocks[0].model.pages_offset or 0) + start * PAGE)
            stream.write(b"stale" * ((stop - start) * PAGE // 5))
        memory = snapshot.blocks[0].read(0, 4 * MIB)
        with (folder / "plain").open("w+b") as plain:
            to_stream(snapshot, plain.fileno())
    with (folder / "ram").open("wb") as raw:
        for start in range(0, len(memory), PAGE):
            if any(memory[start : start + PAGE]):
                os.pwrite(raw.fileno(), memory[start : start + PAGE][::-1], start)
        raw.truncate(len(memory))
    return Place(folder)

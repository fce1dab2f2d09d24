"""Boot one guest, stop it, and save it in all forms."""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tools.linux import initrd
from tools.linux.table import TABLE, Variant
from tools.qemu import Machine, find, version

#: Longest boot, in seconds, without hardware acceleration on a busy machine.
BOOT_TIMEOUT = 600


class Unavailable(Exception):  # noqa: N818 - nothing failed
    """The guest cannot be made here; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class Guest:
    """The files of one guest, all saved while it was stopped.

    Attributes:
        variant: the booted variant.
        folder: the folder of the files.
        kernel: release of the kernel, as in `uname -r`.
    """

    variant: Variant
    folder: Path
    kernel: str

    @property
    def mapped_ram(self) -> Path:
        """The snapshot."""
        return self.folder / "guest.mapped-ram"

    @property
    def stream(self) -> Path:
        """The same state without mapped-ram, saved by a QEMU that had loaded the snapshot."""
        return self.folder / "guest.stream"

    @property
    def dump(self) -> Path:
        """The ELF core of QEMU's `dump-guest-memory`."""
        return self.folder / "guest.elf"

    @property
    def registers(self) -> str:
        """Output of QEMU's `info registers -a`."""
        return (self.folder / "registers.txt").read_text()

    @property
    def mtree(self) -> str:
        """Output of QEMU's `info mtree -f`."""
        return (self.folder / "mtree.txt").read_text()

    @property
    def console(self) -> str:
        """Console output of the guest."""
        return (self.folder / "console.txt").read_text(errors="replace")

    @property
    def debug_info(self) -> Path | None:
        """The kernel with its debug information, if it was fetched: see `tools/linux/fetch`."""
        path = self.folder.parent / f"root/usr/lib/debug/boot/vmlinux-{self.kernel}"
        return path if path.exists() else None


def cache() -> Path:
    """Folder of all files: `MAPPEDRAM_LINUX`, or a folder in the user's cache."""
    if chosen := os.environ.get("MAPPEDRAM_LINUX"):
        return Path(chosen)
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(caches, "mappedram", "linux")


def guest(name: str = "q35", folder: Path | None = None) -> Guest:
    """Return the guest; boot it first unless its files exist.

    Args:
        name: a variant in `TABLE`.
        folder: where files are kept; `cache()` by default.

    Raises:
        Unavailable: QEMU is missing, or the kernel cannot be fetched.
        QemuError: QEMU failed, or the guest did not boot in time.
    """
    folder = (folder or cache()).absolute()
    variant = TABLE[name]
    binary = find()
    if binary is None:
        raise Unavailable("no qemu-system-x86_64: run tools/install")
    fetched = subprocess.run(
        [Path(__file__).with_name("fetch"), folder], capture_output=True, text=True, check=False
    )
    if fetched.returncode:
        raise Unavailable(fetched.stderr.strip())
    (kernel,) = folder.glob("root/boot/vmlinuz-*")
    release = kernel.name.removeprefix("vmlinuz-")
    # Files of another QEMU, kernel or guest are made again.
    recipe = (variant.args, initrd.INIT, release, version(binary))
    target = folder / f"{name}-{hashlib.sha256(repr(recipe).encode()).hexdigest()[:12]}"
    if not target.exists():
        with tempfile.TemporaryDirectory(dir=folder, prefix=f"{name}-new-") as work:
            _make(Path(work), variant, binary, kernel)
            # Another process may have been faster.
            with suppress(OSError):
                Path(work).rename(target)
            Path(work).mkdir(exist_ok=True)
    return Guest(variant, target, release)


def _make(work: Path, variant: Variant, binary: Path, kernel: Path) -> None:
    root = kernel.parents[1]
    (module,) = root.rglob("qemu_fw_cfg.ko*")
    initrd.write(work / "initrd.gz", root / "bin/busybox", module)
    console = work / "console.txt"
    machine_args = [
        *("-accel", "tcg", "-rtc", "base=2024-01-01,clock=vm"),
        *shlex.split(variant.args),
        *("-chardev", f"file,id=console,path={console}", "-serial", "chardev:console"),
    ]
    boot = [
        *("-kernel", str(kernel), "-initrd", str(work / "initrd.gz")),
        *("-append", "console=ttyS0 panic=-1"),
    ]
    snapshot = work / "guest.mapped-ram"
    with Machine(binary, [*machine_args, *boot, "-no-reboot"], timeout=120) as machine:
        machine.qmp("cont")
        machine.wait_until(
            lambda: initrd.READY.encode() in console.read_bytes(), "boot", BOOT_TIMEOUT
        )
        machine.qmp("stop")
        (work / "registers.txt").write_text(machine.hmp("info registers -a"))
        (work / "mtree.txt").write_text(machine.hmp("info mtree -f"))
        dense = work / "dense.elf"
        machine.qmp("dump-guest-memory", paging=False, protocol=f"file:{dense}")
        machine.save(snapshot)
    # A dump of QEMU has no holes, but most of the memory was never used.
    subprocess.run(["cp", "--sparse=always", dense, work / "guest.elf"], check=True)
    dense.unlink()
    _as_stream(binary, machine_args, boot, snapshot, work / "guest.stream")
    (work / "initrd.gz").unlink()


def _as_stream(
    binary: Path, machine_args: Sequence[str], boot: Sequence[str], snapshot: Path, stream: Path
) -> None:
    """QEMU does not save a guest twice, but it saves one that it has loaded."""
    # Keep the console output of the first machine.
    args = [arg.replace("console.txt", "second-console.txt") for arg in machine_args]
    with Machine(binary, [*args, *boot], incoming=True, timeout=120) as machine:
        machine.load(snapshot)
        machine.qmp(
            "migrate-set-capabilities", capabilities=[{"capability": "mapped-ram", "state": False}]
        )
        machine.save(stream, capabilities=())
    (stream.parent / "second-console.txt").unlink(missing_ok=True)


def clean(folder: Path | None = None) -> None:
    """Remove all kept files."""
    shutil.rmtree(folder or cache(), ignore_errors=True)

"""Boot one guest, stop it, and take every file of it that there is."""

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

#: Seconds that booting may take, without hardware that helps, on a machine that does other things.
BOOT_TIMEOUT = 600


class Unavailable(Exception):  # noqa: N818 - nothing failed
    """There is no such guest here; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class Guest:
    """The files of one guest, all taken while it stood still.

    Attributes:
        variant: what was booted.
        folder: where the files are.
        kernel: release of the kernel, as `uname -r` has it.
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
        """The same state without mapped-ram, written by a QEMU that had loaded the snapshot."""
        return self.folder / "guest.stream"

    @property
    def dump(self) -> Path:
        """What QEMU's `dump-guest-memory` made of it: an ELF core."""
        return self.folder / "guest.elf"

    @property
    def registers(self) -> str:
        """What QEMU's `info registers -a` said."""
        return (self.folder / "registers.txt").read_text()

    @property
    def mtree(self) -> str:
        """What QEMU's `info mtree -f` said."""
        return (self.folder / "mtree.txt").read_text()

    @property
    def console(self) -> str:
        """What the guest wrote to its console."""
        return (self.folder / "console.txt").read_text(errors="replace")

    @property
    def debug_info(self) -> Path | None:
        """The kernel with its debug information, if that was fetched: see `tools/linux/fetch`."""
        path = self.folder.parent / f"root/usr/lib/debug/boot/vmlinux-{self.kernel}"
        return path if path.exists() else None


def cache() -> Path:
    """Where everything is kept: `MAPPEDRAM_LINUX`, or a folder among the user's caches."""
    if chosen := os.environ.get("MAPPEDRAM_LINUX"):
        return Path(chosen)
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(caches, "mappedram", "linux")


def guest(name: str = "q35", folder: Path | None = None) -> Guest:
    """Return the guest, booting it first unless its files are there already.

    Args:
        name: which of `TABLE`.
        folder: where files are kept; `cache()` unless given.

    Raises:
        Unavailable: there is no QEMU, or the kernel cannot be fetched.
        QemuError: QEMU failed, or the guest did not come up in time.
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
    # Another QEMU, another kernel or another guest is made anew.
    recipe = (variant.args, initrd.INIT, release, version(binary))
    target = folder / f"{name}-{hashlib.sha256(repr(recipe).encode()).hexdigest()[:12]}"
    if not target.exists():
        with tempfile.TemporaryDirectory(dir=folder, prefix=f"{name}-new-") as work:
            _make(Path(work), variant, binary, kernel)
            # Somebody else may have been faster.
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
    # A dump of QEMU has no holes, and most of the memory was never touched.
    subprocess.run(["cp", "--sparse=always", dense, work / "guest.elf"], check=True)
    dense.unlink()
    _as_stream(binary, machine_args, boot, snapshot, work / "guest.stream")
    (work / "initrd.gz").unlink()


def _as_stream(
    binary: Path, machine_args: Sequence[str], boot: Sequence[str], snapshot: Path, stream: Path
) -> None:
    """A QEMU that has saved a guest does not save it again; one that has loaded it does."""
    # The console of the first machine is kept.
    args = [arg.replace("console.txt", "second-console.txt") for arg in machine_args]
    with Machine(binary, [*args, *boot], incoming=True, timeout=120) as machine:
        machine.load(snapshot)
        machine.qmp(
            "migrate-set-capabilities", capabilities=[{"capability": "mapped-ram", "state": False}]
        )
        machine.save(stream, capabilities=())
    (stream.parent / "second-console.txt").unlink(missing_ok=True)


def clean(folder: Path | None = None) -> None:
    """Remove everything that is kept."""
    shutil.rmtree(folder or cache(), ignore_errors=True)

"""A libvirtd of our own that ends with its `with` block, together with its guests.

It runs unprivileged, as `qemu:///session`, with all its files in one directory: it does not use or
disturb a libvirt that is set up on the machine. Root gets another user id in a namespace, because
libvirtd selects the mode by it. A namespace of process ids ends the guests: the kernel kills all
its processes with the first one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from tools.qemu.firmware import FIRMWARE

_NAMESPACES = (
    *("--user", "--map-user=1000", "--map-group=1000"),
    *("--pid", "--fork", "--kill-child", "--mount-proc"),
)
_SEARCHED = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
#: All programs in libvirtd's PATH. It queries every emulator there for its capabilities.
_PROGRAMS = ("qemu-system-x86_64", "gzip", "bzip2", "xz", "lzop", "zstd")
_NEEDED = ("libvirtd", "virsh", "unshare", "prlimit", *_PROGRAMS)
_CONFIG = {
    "stdio_handler": '"file"',  # otherwise it needs virtlogd
    "security_driver": '"none"',
    "namespaces": "[]",
    "cgroup_controllers": "[]",
    "max_core": "0",
}


class LibvirtError(Exception):
    """A command of virsh failed, or libvirtd did not start; the text is its output."""


def unusable() -> str | None:
    """Why no daemon can run on this machine; None if one can."""
    missing = [name for name in _NEEDED if shutil.which(name, path=_SEARCHED) is None]
    if missing:
        return f"not installed: {', '.join(missing)} (tools/libvirt/install)"
    tried = subprocess.run(
        ["unshare", *_NAMESPACES, "true"], capture_output=True, text=True, check=False
    )
    return f"no namespaces: {tried.stderr.strip()}" if tried.returncode else None


def _path(name: str) -> str:
    """Path of a program, for a process with another PATH."""
    found = shutil.which(name, path=_SEARCHED)
    if found is None:
        raise LibvirtError(f"{name} is not installed")
    return found


class Daemon:
    """A libvirtd with a directory of its own.

    Attributes:
        directory: the folder of all files; also has `halt.bin`, a firmware that halts at once.
        commands: the arguments of each virsh so far.

    Args:
        directory: created, and removed at the end; None for one with a short name, because names of
            sockets may not be long.
        config: further lines of qemu.conf.
        file_size: limit of any file of libvirtd or a guest: writing beyond it kills the process.
    """

    def __init__(
        self,
        directory: Path | None = None,
        *,
        config: Mapping[str, str] | None = None,
        file_size: int | None = None,
    ) -> None:
        self._wanted = directory
        self._config = _CONFIG | dict(config or {})
        self._limits = [] if file_size is None else [_path("prlimit"), f"--fsize={file_size}"]
        self.commands: list[tuple[str, ...]] = []
        self._cleanup = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            if self._wanted:
                self._wanted.mkdir()
                self.directory = self._wanted
            else:
                self.directory = Path(tempfile.mkdtemp(prefix="mr-"))
            stack.callback(shutil.rmtree, self.directory, ignore_errors=True)
            self._prepare()
            self._start(stack)
            self._cleanup = stack.pop_all()
        return self

    def _prepare(self) -> None:
        for name in ("run", "config/libvirt", "cache", "data", "bin", "ram"):
            (self.directory / name).mkdir(parents=True)
        for name in _PROGRAMS:
            (self.directory / "bin" / name).symlink_to(_path(name))
        for name, image in FIRMWARE.items():
            (self.directory / name).write_bytes(image)
        config = self._config | {"memory_backing_dir": f'"{self.directory}/ram"'}
        lines = "".join(f"{key} = {value}\n" for key, value in config.items())
        (self.directory / "config/libvirt/qemu.conf").write_text(lines)
        self._environment = {
            "HOME": str(self.directory),
            "LANG": "C.UTF-8",
            "LIBVIRT_AUTOSTART": "0",
            "PATH": str(self.directory / "bin"),
            "XDG_RUNTIME_DIR": str(self.directory / "run"),
            "XDG_CONFIG_HOME": str(self.directory / "config"),
            "XDG_CACHE_HOME": str(self.directory / "cache"),
            "XDG_DATA_HOME": str(self.directory / "data"),
        }

    def _start(self, stack: ExitStack) -> None:
        log = stack.enter_context((self.directory / "log").open("wb"))
        # The shell reaps guests: they are not children of libvirtd, which still waits for them to
        # vanish.
        process = subprocess.Popen(
            [
                *(_path("unshare"), *_NAMESPACES, *self._limits),
                *(_path("sh"), "-c", '"$0"; exit', _path("libvirtd")),
            ],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        stack.callback(process.wait)
        stack.callback(process.kill)
        socket = self.directory / "run/libvirt/libvirt-sock"
        deadline = time.monotonic() + 30
        while not socket.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise LibvirtError(f"libvirtd does not start: {self.log}")
            time.sleep(0.05)

    def __exit__(self, *_: object) -> None:
        self._cleanup.close()

    @property
    def log(self) -> str:
        """Output of libvirtd so far."""
        return (self.directory / "log").read_text(errors="replace").strip()

    def virsh(self, *arguments: str | Path) -> str:
        """Run a command of virsh and return its output.

        Raises:
            LibvirtError: it failed.
        """
        words = tuple(map(str, arguments))
        self.commands.append(words)
        socket = self.directory / "run/libvirt/libvirt-sock"
        done = subprocess.run(
            [
                *(_path("virsh"), "-q", "-c", f"qemu:///session?socket={socket}"),
                *words,
            ],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if done.returncode:
            raise LibvirtError(f"virsh {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout.strip()

    def ram(self, domain: str) -> Path:
        """The file with the memory of a guest that was started with `domain_xml`."""
        number = self.virsh("domid", domain)
        (path,) = (self.directory / "ram").rglob(f"{number}-{domain}/pc.ram")
        return path


def domain_xml(daemon: Daemon, name: str = "guest", memory: int = 16) -> str:
    """A PC with `memory` MiB in a file, our halting firmware, and as little else as possible."""
    return f"""\
<domain type='qemu'>
  <name>{name}</name>
  <uuid>6d617070-6564-4261-8172-616d66696c65</uuid>
  <memory unit='MiB'>{memory}</memory>
  <memoryBacking>
    <source type='file'/>
    <access mode='shared'/>
  </memoryBacking>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='pc-i440fx-10.0'>hvm</type>
    <loader type='rom'>{daemon.directory}/halt.bin</loader>
  </os>
  <features>
    <acpi/>
  </features>
  <devices>
    <emulator>{_path("qemu-system-x86_64")}</emulator>
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
    <video><model type='none'/></video>
    <audio id='1' type='none'/>
  </devices>
</domain>
"""

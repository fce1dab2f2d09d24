"""The initrd: busybox, one module, and an init that starts processes and reports readiness."""

from __future__ import annotations

import gzip
import lzma
import stat
from collections.abc import Iterator
from pathlib import Path

#: init writes this to the console when everything is ready.
READY = "mappedram guest is ready"
#: File that init writes: it lives in the page cache only, and each of its pages begins with a
#: marker.
MARKER = "/marker"
MARKER_PAGES = 64
#: Processes with recognisable names. The first never sleeps, so one CPU is in user mode.
PROCESSES = ("mapped-busy", "mapped-idle-1", "mapped-idle-2")

_LOOPS = {"mapped-busy": "while :; do :; done"}
_SLEEP = "while :; do /bin/busybox sleep 1000; done"

INIT = f"""#!/bin/sh
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox mount -t devtmpfs devtmpfs /dev
exec </dev/console >/dev/console 2>&1
# Where QEMU has the device, this module hands the address of VMCOREINFO to the host.
/bin/busybox insmod /qemu_fw_cfg.ko
page=0
while [ $page -lt {MARKER_PAGES} ]; do
    /bin/busybox printf '%-4096s' "mappedram marker, page $page" >>{MARKER}
    page=$((page + 1))
done
for process in {" ".join(PROCESSES)}; do /$process & done
/bin/busybox sleep 2
echo {READY}
{_SLEEP}
"""


def marker(page: int) -> bytes:
    """Beginning of page `page` of the marker file."""
    return f"mappedram marker, page {page} ".encode()


def write(path: Path, busybox: Path, module: Path) -> None:
    """Write the initrd to `path`; the module may be compressed with xz, as in newer suites."""
    with gzip.GzipFile(path, "wb", mtime=0, compresslevel=6) as file:
        for number, (name, mode, data) in enumerate(_entries(busybox, module), 1):
            file.write(_entry(name, mode, data, number))
        file.write(_entry("TRAILER!!!", 0, b"", 0))


def _entries(busybox: Path, module: Path) -> Iterator[tuple[str, int, bytes]]:
    for folder in ("bin", "dev", "proc", "sys"):
        yield folder, stat.S_IFDIR | 0o755, b""
    yield "bin/busybox", stat.S_IFREG | 0o755, busybox.read_bytes()
    yield "bin/sh", stat.S_IFLNK | 0o777, b"busybox"
    yield "qemu_fw_cfg.ko", stat.S_IFREG | 0o644, _uncompressed(module)
    yield "init", stat.S_IFREG | 0o755, INIT.encode()
    for name in PROCESSES:
        script = f"#!/bin/sh\n{_LOOPS.get(name, _SLEEP)}\n"
        yield name, stat.S_IFREG | 0o755, script.encode()


def _uncompressed(path: Path) -> bytes:
    data = path.read_bytes()
    return lzma.decompress(data) if path.suffix == ".xz" else data


def _entry(name: str, mode: int, data: bytes, number: int) -> bytes:
    """One member of a cpio archive of the kind "newc", the only one that the kernel reads."""
    links = 1
    fields = (number, mode, 0, 0, links, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
    head = b"070701" + b"".join(b"%08X" % value for value in fields) + name.encode() + b"\0"
    return _padded(head) + _padded(data)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)

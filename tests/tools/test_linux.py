"""The guest for tests with debuggers: files from Debian's packages, and its initrd."""

import gzip
import lzma
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tools.linux import initrd

FETCH = Path(__file__).resolve().parents[2] / "tools/linux/fetch"
RELEASE = "7.2.13-cloud-amd64"
IMAGE = f"linux-image-{RELEASE}"
MODULE = f"lib/modules/{RELEASE}/kernel/drivers/firmware/qemu_fw_cfg.ko"
#: Contents of each package, by package and path; a text that begins with `->` is a link.
Packages = Mapping[str, Mapping[str, str]]
DEBIAN_12: Packages = {
    "busybox-static": {"bin/busybox": "busybox", "usr/share/doc/busybox": "text"},
    IMAGE: {f"boot/vmlinuz-{RELEASE}": "kernel", MODULE: "module", "boot/config": "text"},
    f"{IMAGE}-dbg": {
        f"usr/lib/debug/boot/vmlinux-{RELEASE}": "symbols",
        f"usr/lib/debug/lib/modules/{RELEASE}/vmlinux": f"->../../../boot/vmlinux-{RELEASE}",
    },
}
#: State of October 2026.
SID: Packages = {
    "busybox-static": {"usr/bin/busybox": "busybox", "usr/share/doc/busybox": "text"},
    IMAGE: {"usr/share/doc/linux-image": "text"},
    f"linux-binary-{RELEASE}": {f"usr/lib/modules/{RELEASE}/vmlinuz": "kernel"},
    f"linux-modules-{RELEASE}": {f"usr/{MODULE}.xz": "module", "usr/lib/modules/other": "text"},
    f"{IMAGE}-dbg": {
        f"usr/lib/debug/lib/modules/{RELEASE}/vmlinux": "symbols",
        f"usr/lib/debug/boot/vmlinux-{RELEASE}": f"->../lib/modules/{RELEASE}/vmlinux",
    },
}
APT_CACHE = """#!/bin/sh
case $2 in
    linux-image-cloud-amd64) echo "  Depends: IMAGE" ;;
    *) for package in "$ARCHIVE"/linux-binary-*; do
        [ ! -e "$package" ] || echo "  Depends: $(basename "$package" .deb)"
    done ;;
esac
"""
APT_GET = """#!/bin/sh
while [ "$1" != download ]; do shift; done
shift
for package; do cp "$ARCHIVE/$package.deb" "${package}_1_amd64.deb" || exit; done
"""


def archive(packages: Packages, folder: Path) -> dict[str, str]:
    """An environment in which apt offers only these packages."""
    for name, files in packages.items():
        root = folder / "roots" / name
        for path, text in files.items():
            file = root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            if text.startswith("->"):
                file.symlink_to(text.removeprefix("->"))
            else:
                file.write_text(text)
                file.chmod(0o755)
        (root / "DEBIAN").mkdir()
        (root / "DEBIAN/control").write_text(
            f"Package: {name}\nVersion: 1\nArchitecture: amd64\n"
            "Maintainer: nobody <nobody@localhost>\nDescription: for a test\n"
        )
        (folder / "archive").mkdir(exist_ok=True)
        target = folder / "archive" / f"{name}.deb"
        subprocess.run(["dpkg-deb", "--build", root, target], check=True, capture_output=True)
    (folder / "bin").mkdir()
    for name, text in (("apt-cache", APT_CACHE.replace("IMAGE", IMAGE)), ("apt-get", APT_GET)):
        (folder / "bin" / name).write_text(text)
        (folder / "bin" / name).chmod(0o755)
    path = f"{folder / 'bin'}:{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "ARCHIVE": str(folder / "archive")}


def fetch(folder: Path, environment: dict[str, str], *options: str) -> int:
    """The exit status."""
    argv = [str(FETCH), *options, str(folder)]
    return subprocess.run(argv, env=environment, check=False, capture_output=True).returncode


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="no dpkg-deb: this is not Debian")
@pytest.mark.parametrize("packages", [DEBIAN_12, SID], ids=["bookworm", "sid"])
def test_fetch_takes_what_is_wanted_wherever_a_suite_has_it(
    packages: Packages, tmp_path: Path
) -> None:
    environment, root = archive(packages, tmp_path), tmp_path / "linux/root"
    assert fetch(root.parent, environment) == 0
    (module,) = root.rglob("qemu_fw_cfg.ko*")
    files = {root / "bin/busybox", root / f"boot/vmlinuz-{RELEASE}", module}
    assert {path for path in root.rglob("*") if path.is_file()} == files
    assert [(root / name).read_text() for name in ("bin/busybox", f"boot/vmlinuz-{RELEASE}")] == [
        "busybox",
        "kernel",
    ]
    assert fetch(root.parent, environment, "--debug-info") == 0
    assert (root / f"usr/lib/debug/boot/vmlinux-{RELEASE}").read_text() == "symbols"


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="no dpkg-deb: this is not Debian")
def test_fetch_without_the_program(tmp_path: Path) -> None:
    packages = {**SID, "busybox-static": {"usr/share/doc/busybox": "text"}}
    assert fetch(tmp_path / "linux", archive(packages, tmp_path)) != 0


@pytest.mark.parametrize(
    ("name", "data"),
    [("m.ko", b"fit to be loaded"), ("m.ko.xz", lzma.compress(b"fit to be loaded"))],
)
def test_initrd_has_a_module_that_can_be_loaded(name: str, data: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    (tmp_path / "busybox").write_bytes(b"busybox")
    initrd.write(tmp_path / "initrd.gz", tmp_path / "busybox", tmp_path / name)
    found = gzip.decompress((tmp_path / "initrd.gz").read_bytes())
    assert b"qemu_fw_cfg.ko\0" in found
    assert found.count(b"fit to be loaded") == 1
    assert b"7zXZ" not in found

"""File systems and block devices for reading and writing, made for one test."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tools import programs

#: Size of a disk in bytes: the minimum for XFS.
DISK = 512 << 20


class MissingError(Exception):
    """This machine cannot provide the place; the message says why."""


@contextmanager
def asked(maker: Callable[..., Iterator[Path]], *args: Path) -> Iterator[Path]:
    """A place; if the machine cannot provide it, the test is skipped with the reason."""
    with ExitStack() as stack:
        try:
            place = stack.enter_context(contextmanager(maker)(*args))
        except MissingError as error:
            pytest.skip(str(error))
        yield place


def run(name: str, *args: str | Path) -> str:
    """Run a program; return its output."""
    path = programs.by_name(name).found
    if path is None or os.geteuid() != 0:
        raise MissingError(f"takes root and {name}: run tools/install")
    done = subprocess.run([path, *args], check=False, capture_output=True, text=True)
    if done.returncode:
        raise MissingError(f"{name} does not work here: {(done.stderr or done.stdout).strip()}")
    return done.stdout.strip()


@contextmanager
def _mounted(folder: Path, *args: str | Path, by: str = "mount") -> Iterator[Path]:
    """A folder `disk` in `folder` with something mounted on it."""
    disk = folder / "disk"
    disk.mkdir()
    run(by, *args, disk)
    try:
        yield disk
    finally:
        subprocess.run(["umount", disk], check=True)


def _image(folder: Path) -> Path:
    image = folder / "image"
    with image.open("wb") as stream:
        stream.truncate(DISK)
    return image


def local(folder: Path) -> Iterator[Path]:
    """The folder of the tests' own files."""
    yield folder


def ext4(folder: Path) -> Iterator[Path]:
    """A new ext4."""
    image = _image(folder)
    run("mkfs.ext4", "-q", "-F", image)
    with _mounted(folder, "-o", "loop", image) as disk:
        yield disk


def xfs(folder: Path) -> Iterator[Path]:
    """A new XFS, where files can share blocks."""
    image = _image(folder)
    run("mkfs.xfs", "-q", "-m", "reflink=1", image)
    with _mounted(folder, "-o", "loop", image) as disk:
        yield disk


def tmpfs(folder: Path) -> Iterator[Path]:
    """A file system in memory."""
    with _mounted(folder, "-t", "tmpfs", "none") as disk:
        yield disk


def overlayfs(folder: Path) -> Iterator[Path]:
    """An overlay: nothing below, and a folder for writing."""
    for name in ("lower", "upper", "work"):
        (folder / name).mkdir()
    options = ",".join(
        [f"lowerdir={folder}/lower", f"upperdir={folder}/upper", f"workdir={folder}/work"]
    )
    with _mounted(folder, "-t", "overlay", "-o", options, "none") as disk:
        yield disk


def bindfs(folder: Path) -> Iterator[Path]:
    """FUSE: another folder, passed through a program."""
    (folder / "behind").mkdir()
    with _mounted(folder, folder / "behind", by="bindfs") as disk:
        yield disk


def fuse2fs(folder: Path) -> Iterator[Path]:
    """FUSE: an ext2 in a program, which does not report holes."""
    image = _image(folder)
    run("mkfs.ext4", "-q", "-F", image)
    with _mounted(folder, image, by="fuse2fs") as disk:
        yield disk


def squashfs(folder: Path, contents: Path) -> Iterator[Path]:
    """The files of a folder, compressed and read-only."""
    run("mksquashfs", contents, folder / "image", "-quiet", "-no-progress")
    with _mounted(folder, "-o", "loop,ro", folder / "image") as disk:
        yield disk


def squashfuse(folder: Path, contents: Path) -> Iterator[Path]:
    """The same with FUSE."""
    run("mksquashfs", contents, folder / "image", "-quiet", "-no-progress")
    with _mounted(folder, folder / "image", by="squashfuse") as disk:
        yield disk


@contextmanager
def _attached(image: Path, *args: str) -> Iterator[Path]:
    device = Path(run("losetup", "--find", "--show", *args, str(image)))
    try:
        yield device
    finally:
        subprocess.run(["losetup", "--detach", device], check=True)


def loop(image: Path) -> Iterator[Path]:
    """A block device backed by a file."""
    with _attached(image) as device:
        yield device


def loop_4k(image: Path) -> Iterator[Path]:
    """One with blocks of 4096 bytes, as on many disks."""
    with _attached(image, "--sector-size", "4096") as device:
        yield device


def loop_read_only(image: Path) -> Iterator[Path]:
    """One that cannot be written to."""
    with _attached(image, "--read-only") as device:
        yield device


def mapper(image: Path) -> Iterator[Path]:
    """A device of the device mapper, in two pieces."""
    name, sectors = f"mappedram-{os.getpid()}", image.stat().st_size // 512
    with _attached(image) as device:
        half = sectors // 2
        table = f"0 {half} linear {device} 0\n{half} {sectors - half} linear {device} {half}"
        run("dmsetup", "create", name, "--table", table)
        try:
            yield Path("/dev/mapper", name)
        finally:
            subprocess.run(["dmsetup", "remove", name], check=True)


WRITABLE = (local, ext4, xfs, tmpfs, overlayfs, bindfs, fuse2fs)
READ_ONLY = (squashfs, squashfuse)
DEVICES = (loop, loop_4k, mapper)

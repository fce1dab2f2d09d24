"""Outputs that appear complete or not at all: written beside their place, then moved."""

import os
import stat
from collections.abc import Container
from contextlib import suppress
from dataclasses import dataclass
from functools import reduce
from operator import and_
from pathlib import Path
from secrets import token_hex
from typing import Self
from urllib.parse import quote

from mappedram.format.foreign.qcow2 import QCOW_MAGIC
from mappedram.io import system

#: Mode of a file for the user alone.
_PRIVATE = 0o600
#: The longest file name that common file systems take, in bytes.
_NAME_MAX = 255
#: For `StagedFiles.open`, if nothing is read back.
DEVICES = frozenset({stat.S_IFBLK, stat.S_IFCHR})


@dataclass(slots=True)
class _Staged:
    """A file that is written as `name` and will become `path`; a device has no `name`."""

    name: Path | None
    path: Path
    fd: int = -1

    def close(self) -> None:
        """Close it, if it is open."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            system.close(fd)


class StagedFiles:
    """Several outputs that appear together if the block ends normally, and not at all otherwise.

    An existing file is replaced only with `force`. If the block ends early - by an error, a signal
    turned into an exception, a full disk - nothing is left behind. A device, however, then loses
    its previous contents.

    The outputs are readable only for users who may read all sources: guest memory holds secrets.

    Args:
        sources: paths or descriptors of the files that the outputs are made from; without any, the
            outputs are private to the user.
        force: replace existing files, and write into devices.
        public: the outputs contain no guest data and get the mode of any new file.
    """

    def __init__(
        self, *sources: str | Path | int, force: bool = False, public: bool = False
    ) -> None:
        self._force = force
        self._default = [] if public else [_PRIVATE]
        self._sources: list[_Access] = []
        self._pending: list[_Staged] = []
        self.made_of(*sources)

    def made_of(self, *sources: str | Path | int) -> None:
        """Add sources of the outputs.

        Raises:
            OSError: there is no such file.
        """
        self._sources += map(_Access.of, sources)

    def open(self, path: Path, *, also: Container[int] = ()) -> int:
        """Open an empty file that will become `path`; return its descriptor.

        Args:
            path: place of the output.
            also: types other than a regular file that are allowed, if the caller writes through
                `system.begin`: `stat.S_IFBLK`, a block device; `stat.S_IFCHR`, the null device.

        Raises:
            FileExistsError: it exists already, and `force` was not given, or does not help.
            IsADirectoryError: it is a directory.
            OSError: no file can be made there.
        """
        kind = refuse_existing(path, force=self._force, also=also)
        # Registered before it exists: a signal may interrupt at any moment.
        is_new = kind in (None, stat.S_IFREG)
        staged = _Staged(path.parent / f".mappedram-{token_hex(8)}" if is_new else None, path)
        self._pending.append(staged)
        try:
            staged.fd = (
                system.create(staged.name, path) if staged.name else system.open_device(path)
            )
        except OSError:
            self._pending.pop()
            raise
        return staged.fd

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _trace: object
    ) -> None:
        try:
            if kind is None:
                self._publish()
        finally:
            for staged in self._pending:
                with suppress(OSError):  # of outputs that are removed anyway
                    staged.close()
                if staged.name:
                    system.remove(staged.name)

    def _publish(self) -> None:
        """Give every file its name once all are written; if one fails, remove the new ones."""
        for staged in self._pending:
            if staged.name:
                system.set_mode(staged.fd, self._mode(staged))
            else:
                system.flush(staged.fd)
            staged.close()
        published: list[Path] = []
        try:
            for name, path in ((one.name, one.path) for one in self._pending if one.name):
                system.publish(name, path, replace=self._force)
                published.append(path)
        except BaseException:
            for path in () if self._force else published:
                system.remove(path)
            raise

    def _mode(self, staged: _Staged) -> int:
        """Mode of a new file: no more than its sources and a replaced file allow."""
        output = _Access.of(staged.fd)
        limits = [access.limit(output.gid) for access in self._sources] or [*self._default]
        if self._force and system.exists(staged.path):
            limits.append(_Access.of(staged.path).limit(output.gid))
        mode = reduce(and_, limits, 0o666 & ~_umask())
        if output.has_acl:  # with an ACL, the group bits apply to others
            mode = _without_group(mode)
        return mode


def refuse_existing(path: Path, *, force: bool, also: Container[int] = ()) -> int | None:
    """Refuse to write to an existing `path`, unless it may be replaced or written into.

    Returns:
        Type of the existing file, one of `stat.S_IF*`; None if there is none.

    Raises:
        FileExistsError: it exists, and `force` was not given, or does not help.
        IsADirectoryError: it is a directory.
        OSError: its type cannot be determined.
    """
    found = system.target_status(path)
    if found is None:
        return None
    kind, keeps_nothing = found
    if kind == stat.S_IFDIR:
        raise IsADirectoryError(21, os.strerror(21), str(path))
    if kind == stat.S_IFREG:
        said = None if force else "already exists (use --force to overwrite it)"
    elif kind == stat.S_IFBLK and kind in also:
        said = None if force else "is a block device (use --force to overwrite it)"
    elif keeps_nothing and kind in also:
        said = None
    else:
        said = f"is {system.KINDS[kind]}: expected a file or an unused name"
    if not said and kind in (stat.S_IFREG, stat.S_IFBLK) and _is_disk_image(path):
        said = "is a disk image, which is never overwritten: remove it, or choose another name"
    if said:
        raise FileExistsError(17, said, str(path))
    return kind


def _is_disk_image(path: Path) -> bool:
    """Whether a file begins like a qcow2 image, so that a wrong OUT does not cost a disk."""
    try:
        fd = system.open_source(path)
    except PermissionError:  # it may be replaced all the same
        return False
    try:
        return system.read(fd, len(QCOW_MAGIC), 0) == QCOW_MAGIC
    finally:
        system.release(fd)


@dataclass(frozen=True, slots=True)
class _Access:
    """Read access to a file: its mode, its group, and whether an ACL may extend it."""

    mode: int
    gid: int
    has_acl: bool

    @classmethod
    def of(cls, file: str | Path | int) -> Self:
        """Access to a file or an open descriptor."""
        return cls(*system.access_of(file))

    def limit(self, gid: int) -> int:
        """Widest mode for a file of group `gid` that adds no readers to those of this file."""
        if not stat.S_ISREG(self.mode):
            return _PRIVATE
        mode = self.mode & 0o666 | _PRIVATE
        return _without_group(mode) if self.has_acl or self.gid != gid else mode


def _without_group(mode: int) -> int:
    """The mode without the group's bits: the members of the group are unknown."""
    return mode & (~0o070 | (mode & 0o007) << 3)


def make_folder(path: Path, *sources: str | Path | int) -> None:
    """Make a folder for files made from `sources`, and its parents, unless they exist.

    New folders are closed to users who may not read all of the sources; without sources, to all
    other users.

    Raises:
        OSError: it cannot be made, or is not a folder.
    """
    for folder in reversed([one for one in (path, *path.parents) if not system.exists(one)]):
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:  # made by another program in the meantime
            continue
        made = _Access.of(folder)
        limits = [_Access.of(source).limit(made.gid) for source in sources] or [_PRIVATE]
        mode = reduce(and_, limits, 0o666 & ~_umask())
        if made.has_acl:
            mode = _without_group(mode)
        system.set_mode(folder, mode | (mode & 0o444) >> 2 | 0o700)  # readers may also search
    path.mkdir(exist_ok=True)


def _umask() -> int:
    """The umask; the system returns it only when it is set."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def safe_name(idstr: str, suffix: str) -> str:
    """File name for any RAM block name: one component, printable, reversible.

    Everything but letters, digits and a few signs is percent-encoded, including `/` and `%`. A name
    that is too long ends in a hash of the whole.
    """
    name = quote(idstr, safe="@:+=,", encoding="latin-1")
    if name.startswith("."):
        name = f"%2E{name[1:]}"
    if len(name) + len(suffix) > _NAME_MAX:
        from hashlib import sha256

        digest = sha256(idstr.encode("latin-1")).hexdigest()[:16]
        name = f"{name[: _NAME_MAX - len(suffix) - len(digest) - 1]}-{digest}"
    return name + suffix

"""Files that are there whole or not at all: written beside their place, then moved into it."""

import errno
import os
import stat
from dataclasses import dataclass
from functools import reduce
from operator import and_
from pathlib import Path
from secrets import token_hex
from typing import Self
from urllib.parse import quote

#: Only a file that is written can meet these.
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
#: What the user alone may do.
_PRIVATE = 0o600
#: Where Linux keeps an access list.
_ACL = "system.posix_acl_access"
_NO_ACL = {errno.ENODATA, errno.EOPNOTSUPP}
#: The longest file name that common file systems take, in bytes.
_NAME_MAX = 255


@dataclass(slots=True)
class _Staged:
    """A file that is being written as `name`, and is going to be `path`."""

    name: Path
    path: Path
    fd: int = -1


class StagedFiles:
    """Several outputs that appear together when the block ends well, and not at all otherwise.

    A file that exists already is replaced only with `force`. Whatever ends the block before -
    an error, a signal that was turned into one, a full disk - leaves nothing behind.

    Nobody may read an output who may not read all of its sources: guest memory holds secrets.

    Args:
        sources: paths or descriptors of files that the outputs are made of; with none, the outputs
            are the user's own.
        force: replace files that exist.
        public: the outputs hold nothing of a guest, and are as any new file.
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
        """The outputs are made of these, too.

        Raises:
            OSError: there is no such file.
        """
        self._sources += map(_Access.of, sources)

    def open(self, path: Path) -> int:
        """A descriptor of an empty file that is going to be `path`.

        Raises:
            FileExistsError: it exists already, and `force` was not given.
            OSError: no file can be made there.
        """
        if path.exists() or path.is_symlink():
            if not self._force:
                raise FileExistsError(17, "exists already (--force replaces it)", str(path))
            if not stat.S_ISREG(path.lstat().st_mode):
                raise FileExistsError(17, "is not a regular file and is not replaced", str(path))
        # Known before it is there: a signal may end the work at any moment.
        staged = _Staged(path.parent / f".mappedram-{token_hex(8)}", path)
        self._pending.append(staged)
        try:
            staged.fd = os.open(
                staged.name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600
            )
        except OSError as error:
            self._pending.pop()
            raise OSError(error.errno, error.strerror, str(path)) from None
        return staged.fd

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _trace: object
    ) -> None:
        try:
            if kind is None:
                self._publish()
            elif isinstance(error, OSError) and error.errno in _NO_ROOM and self._pending:
                # The system does not say which of the open files it is that cannot grow.
                error.filename = error.filename or str(self._pending[-1].path)
        finally:
            for staged in self._pending:
                if staged.fd >= 0:
                    os.close(staged.fd)
                staged.name.unlink(missing_ok=True)

    def _publish(self) -> None:
        """Give every file its name; of two programs that race for one, the first has it."""
        for staged in self._pending:
            os.fchmod(staged.fd, self._mode(staged))
            if self._force:
                os.replace(staged.name, staged.path)
            else:
                os.link(staged.name, staged.path)

    def _mode(self, staged: _Staged) -> int:
        """What a new file may have, no more than its sources have and one that it replaces."""
        output = _Access.of(staged.fd)
        limits = [access.limit(output.gid) for access in self._sources] or [*self._default]
        if self._force and staged.path.exists():
            limits.append(_Access.of(staged.path).limit(output.gid))
        mode = reduce(and_, limits, 0o666 & ~_umask())
        if output.has_acl:  # by which the bits of the group hold for others
            mode = _without_group(mode)
        return mode


@dataclass(frozen=True, slots=True)
class _Access:
    """Who may read a file: its mode, its group, and whether an access list says more."""

    mode: int
    gid: int
    has_acl: bool

    @classmethod
    def of(cls, file: str | Path | int) -> Self:
        """That of a file or of an open descriptor."""
        status = os.stat(file)
        try:
            has_acl = bool(os.getxattr(file, _ACL))
        except OSError as error:
            has_acl = error.errno not in _NO_ACL
        return cls(status.st_mode, status.st_gid, has_acl)

    def limit(self, gid: int) -> int:
        """The widest mode of a file with the group `gid` that lets nobody read who may not here."""
        if not stat.S_ISREG(self.mode):
            return _PRIVATE
        mode = self.mode & 0o666 | _PRIVATE
        return _without_group(mode) if self.has_acl or self.gid != gid else mode


def _without_group(mode: int) -> int:
    """The mode without what only the group may do: nobody knows who is in it."""
    return mode & (~0o070 | (mode & 0o007) << 3)


def make_folder(path: Path, source: str | Path | int) -> None:
    """A folder for files that are made of `source`, and those above it, unless they are there.

    What is made lets nobody in who may not read the source.

    Raises:
        OSError: it cannot be made, or is no folder.
    """
    for folder in reversed([one for one in (path, *path.parents) if not one.exists()]):
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:  # somebody else's, since a moment ago
            continue
        made = _Access.of(folder)
        mode = _Access.of(source).limit(made.gid) & ~_umask()
        if made.has_acl:
            mode = _without_group(mode)
        folder.chmod(mode | (mode & 0o444) >> 2 | 0o700)  # who may read may look up
    path.mkdir(exist_ok=True)


def _umask() -> int:
    """What new files are not allowed; the system tells it only by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def safe_name(idstr: str, suffix: str) -> str:
    """A file name for a RAM block, whatever its name: one component, printable, reversible.

    Everything but letters, digits and a few signs is percent-encoded, as `/` and `%` are; a name
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

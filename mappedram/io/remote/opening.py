"""Open a URL with fsspec."""

import errno
from typing import Any

from mappedram.errors import MappedRamError, UnsupportedError
from mappedram.io.remote.address import RemoteName, options_of
from mappedram.io.remote.ranges import Ranges
from mappedram.io.remote.source import RemoteSource

#: What to install for a protocol, beside fsspec.
_PACKAGES = {
    **dict.fromkeys(("s3", "s3a"), "s3fs"),
    **dict.fromkeys(("gs", "gcs"), "gcsfs"),
    **dict.fromkeys(("abfs", "abfss", "az", "adl"), "adlfs"),
    **dict.fromkeys(("sftp", "ssh"), "paramiko"),
}
_ZIP = "zip://"


def open_url(url: str) -> RemoteSource:
    """Open what a URL names, read-only.

    Args:
        url: the URL, chained or not; a `RemoteName` has options for its file system.

    Raises:
        UnsupportedError: it is not served in ranges, or no such protocol is known.
        OSError: it cannot be read, or fsspec or what it needs is not installed.
    """
    name = str.__str__(url)
    try:
        return RemoteSource(_ranges(url), url)
    except MappedRamError as error:
        error.filename = name
        raise
    except OSError as error:
        error.filename = error.filename or name
        raise
    except Exception as error:
        # Libraries have errors of their own, such as those about credentials.
        raise OSError(errno.EIO, f"{type(error).__name__}: {error}", name) from error


def open_fsspec_file(file: Any, name: str) -> RemoteSource | None:
    """A source of its own for the object that an open file of fsspec reads.

    Returns:
        None if its file system makes no requests of its own; then the file object is as good.
    """
    fs = getattr(file, "fs", None)
    if not getattr(fs, "async_impl", False) or not hasattr(file, "_fetch_range"):
        return None
    return RemoteSource(_ranges_of(fs, getattr(file, "url", None) or file.path), name)


def _ranges(url: str) -> Ranges:
    first, _, rest = url.partition("::")
    if rest and first.startswith(_ZIP):
        inner = _ranges(RemoteName(rest, options_of(url)))
        from mappedram.io.remote.archive import MemberRanges

        return MemberRanges(inner, first[len(_ZIP) :], lambda a: RemoteSource(a, rest))
    return _ranges_of(*file_system(url))


def file_system(url: str) -> tuple[Any, str]:
    """The file system of a URL, and the path in it.

    Raises:
        UnsupportedError: fsspec does not know the protocol.
        OSError: a package is missing.
    """
    try:
        from fsspec.core import url_to_fs
        from fsspec.registry import known_implementations
    except ImportError as error:
        raise _missing(url) from error
    try:
        fs, path = url_to_fs(str.__str__(url), **options_of(url))
    except ImportError as error:
        raise _missing(url, str(error)) from error
    except ValueError as error:
        unknown = [one for one in _protocols(url) if one not in known_implementations]
        if unknown:
            raise UnsupportedError(
                f"fsspec knows no protocol {unknown[0]!r}; for a file of that name: ./{url}"
            ) from error
        raise
    return fs, path


def _protocols(url: str) -> list[str]:
    return [part.partition("://")[0].lower() for part in url.split("::")]


def _missing(url: str, why: str = "fsspec is not installed") -> OSError:
    """Error for a URL whose packages are not installed."""
    packages = dict.fromkeys(_PACKAGES[one] for one in _protocols(url) if one in _PACKAGES)
    command = " ".join(["pip install 'mappedram[remote]'", *packages])
    return OSError(errno.ENOPKG, f"{why}; a URL takes: {command}")


def _ranges_of(fs: Any, path: str) -> Ranges:
    """How to read a file in a file system; modules that it has not loaded cannot be its own."""
    kinds = {kind.__name__ for kind in type(fs).__mro__}
    if "HTTPFileSystem" in kinds:
        from mappedram.io.remote.http import HttpRanges

        return HttpRanges(fs, path)
    if "S3FileSystem" in kinds:
        from mappedram.io.remote.s3 import S3Ranges

        return S3Ranges(fs, path)
    from mappedram.io.remote.files import FileRanges

    return FileRanges(fs, path)

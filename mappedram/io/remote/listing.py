"""List the objects that a pattern matches."""

import errno
from collections.abc import Iterator, Mapping
from typing import Any

from mappedram.errors import MappedRamError
from mappedram.io.remote.opening import file_system

#: Where file systems of fsspec tell of a change: a tag of the contents, or else a time.
_VERSIONS = ("ETag", "etag", "md5Hash", "LastModified", "last_modified", "updated", "mtime")


def matching(pattern: str) -> Iterator[tuple[str, int | None, str | None]]:
    """The objects that a URL with wildcards matches, in order of their names.

    Yields:
        URL, size in bytes, and what changes with the contents; None for what is not told.

    Raises:
        UnsupportedError: fsspec does not know the protocol.
        OSError: the file system cannot list them, or a package is missing.
    """
    fs, path = file_system(pattern)
    first, chained, rest = pattern.partition("::")
    protocol = first.partition("://")[0]
    try:
        found: Mapping[str, Mapping[str, Any]] = fs.glob(path, detail=True)
    except (MappedRamError, OSError):
        raise
    except Exception as error:
        # Libraries have errors of their own, such as those about credentials.
        raise OSError(errno.EIO, f"{type(error).__name__}: {error}", pattern) from error
    for name, told in sorted(found.items()):
        if told.get("type") != "directory":
            url = f"{protocol}://{name}::{rest}" if chained else fs.unstrip_protocol(name)
            size = told.get("size")
            yield url, size if isinstance(size, int) else None, _version(told)


def _version(told: Mapping[str, Any]) -> str | None:
    found = next((told[key] for key in _VERSIONS if told.get(key)), None)
    return None if found is None else str(found)

"""Which names of files are URLs, and the options that belong to one."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TypeGuard

from mappedram.io import system

#: A URL of fsspec, chained or not: `s3://bucket/name`, `zip://member::https://host/archive.zip`.
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(::[A-Za-z][A-Za-z0-9+.-]*)*://")
#: A URL that names a local file.
_LOCAL = re.compile(r"(?:file|local)://(?:localhost(?=/))?(?=/)", re.IGNORECASE)


class RemoteName(str):
    """A URL with the options of its file system, wherever a file is read; it is a `str`.

    >>> RemoteName("s3://backups/guest.save", {"anon": True})
    's3://backups/guest.save'

    Args:
        url: the URL, chained or not.
        storage_options: as below.

    Attributes:
        storage_options: options for fsspec, by name; those of one part of a chained URL are a
            mapping of their own, by its protocol.
    """

    storage_options: Mapping[str, object]

    def __new__(cls, url: str, storage_options: Mapping[str, object] | None = None) -> "RemoteName":
        """Join a URL and its options."""
        made = super().__new__(cls, url)
        made.storage_options = dict(storage_options or {})
        return made


def is_url(name: object) -> TypeGuard[str]:
    """Whether a name is a URL: it begins like one, and no local file has that name.

    `./s3://x` and `/s3:/x` are paths.
    """
    return isinstance(name, str) and _URL.match(name) is not None and not _exists(name)


def _exists(name: str) -> bool:
    try:
        return system.exists(Path(name))
    except OSError:  # it is too long for a path, for example
        return False


def local_path(url: str) -> str | None:
    """The path of a URL that names a local file; None for any other URL."""
    found = _LOCAL.match(url)
    return url[found.end() :] if found and "::" not in url else None


def options_of(name: str) -> Mapping[str, object]:
    """The options of a URL; a plain text has none."""
    return name.storage_options if isinstance(name, RemoteName) else {}

"""Unpack the archives in `tests/fixtures`, each of which holds one sparse file."""

import tarfile
from pathlib import Path

#: Missing before Python 3.11.4; then the check in `unpack` must suffice.
_FILTER = getattr(tarfile, "data_filter", None)


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack the file of an archive into `folder`, with its holes; return its path.

    Raises:
        ValueError: the archive does not hold one regular file with a plain name.
    """
    with tarfile.open(archive) as opened:
        members = opened.getmembers()
        plain = [m for m in members if m.isreg() and Path(m.name).name == m.name != ".."]
        if len(members) != 1 or plain != members:
            names = ", ".join(member.name for member in members)
            raise ValueError(f"{archive}: expected one regular file, got {names or 'nothing'}")
        opened.extraction_filter = _FILTER
        opened.extract(plain[0], folder)
        return folder / plain[0].name

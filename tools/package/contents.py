"""Required contents of a wheel and an sdist, file by file, and their defects.

The list follows from the repository: an sdist has all of its files except those that serve only the
repository itself, a wheel the package and the files that `pyproject.toml` adds.
"""

import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path
from zipfile import ZipFile

from mappedram.format.specification import FILES

#: Files that serve only the repository.
_NOT_SHIPPED = (".ci/", ".pre-commit-config.yaml")
#: What is installed beside the package.
_SHARED = "docs/man/"
_DATA = "mappedram/format/specification/data"
#: Files that a build backend writes, in the folders of the standards.
_DIST_INFO = ("METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE")


def files_of(root: Path) -> dict[str, bytes]:
    """The files of a checkout that are not ignored, by path, with their contents.

    Raises:
        subprocess.CalledProcessError: it is not a checkout of git.
    """
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    names = [name for name in done.stdout.split("\0") if name and (root / name).is_file()]
    return {name: (root / name).read_bytes() for name in names}


def of_wheel(wheel: Path) -> dict[str, bytes]:
    """The files in a wheel."""
    with ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist() if name[-1] != "/"}


def of_sdist(sdist: Path) -> dict[str, bytes]:
    """The files in an sdist, below its single folder."""
    found = {}
    with tarfile.open(sdist) as archive:
        for member in archive.getmembers():
            stream = archive.extractfile(member)
            if stream is not None:
                found[member.name.partition("/")[2]] = stream.read()
    return found


def wrong_with_sdist(held: Mapping[str, bytes], checkout: Mapping[str, bytes]) -> list[str]:
    """Missing, differing and superfluous files of an sdist."""
    expected = {n: data for n, data in checkout.items() if not n.startswith(_NOT_SHIPPED)}
    return _compared(held, expected, made={"PKG-INFO"})


def wrong_with_wheel(
    held: Mapping[str, bytes], checkout: Mapping[str, bytes], version: str
) -> list[str]:
    """Missing, differing and superfluous files of a wheel of that version."""
    expected = {n: data for n, data in checkout.items() if n.startswith("mappedram/")}
    for file in FILES.values():
        expected[f"{_DATA}/{file.name}"] = checkout.get(f"{file.folder}/{file.name}", b"")
    for name in checkout:
        if name.startswith(_SHARED):
            installed = f"share/man/{name.removeprefix(_SHARED)}"
            expected[f"mappedram-{version}.data/data/{installed}"] = checkout[name]
    made = {f"mappedram-{version}.dist-info/{name}" for name in _DIST_INFO}
    return _compared(held, expected, made)


def _compared(
    held: Mapping[str, bytes], expected: Mapping[str, bytes], made: set[str]
) -> list[str]:
    wanted = expected.keys() | made
    return [
        *(f"missing: {name}" for name in sorted(wanted - held.keys())),
        *(f"should not be there: {name}" for name in sorted(held.keys() - wanted)),
        *(
            f"differs from the repository: {name}"
            for name in sorted(expected.keys() & held.keys())
            if expected[name] != held[name]
        ),
    ]

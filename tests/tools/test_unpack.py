"""Archives of fixtures: holes stay holes, and nothing is written outside the folder."""

import io
import tarfile
from pathlib import Path

import pytest

from tests.conftest import FIXTURES
from tools.unpack import unpack


def member(name: str, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.size, info.linkname = kind, 3, "/etc/hostname"
    return info


def archive(path: Path, *members: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as opened:
        for info in members:
            opened.addfile(info, io.BytesIO(b"abc"))
    return path


def test_holes_stay_holes(tmp_path: Path) -> None:
    path = unpack(FIXTURES / "pc.tar.gz", tmp_path / "new")
    status = path.stat()
    assert status.st_size > 16 << 20
    assert status.st_blocks * 512 < status.st_size // 4


def test_a_plain_name_is_unpacked(tmp_path: Path) -> None:
    path = unpack(archive(tmp_path / "a.tar.gz", member("plain")), tmp_path / "out")
    assert (path, path.read_bytes()) == (tmp_path / "out" / "plain", b"abc")


@pytest.mark.parametrize(
    "members",
    [
        (),
        (member("../escaped"),),
        (member("/escaped"),),
        (member(".."),),
        (member("folder/escaped"),),
        (member("link", tarfile.SYMTYPE),),
        (member("link", tarfile.LNKTYPE),),
        (member("device", tarfile.CHRTYPE),),
        (member("one"), member("two")),
        (member("one"), member("link", tarfile.SYMTYPE)),
    ],
    ids=lambda members: " ".join(m.name + m.type.decode() for m in members) or "nothing",
)
def test_all_else_is_refused(tmp_path: Path, members: tuple[tarfile.TarInfo, ...]) -> None:
    bad = archive(tmp_path / "bad.tar.gz", *members)
    with pytest.raises(ValueError, match="expected one regular file"):
        unpack(bad, tmp_path / "out")
    assert list(tmp_path.iterdir()) == [bad]

"""Messages of libvirt lead to a next step that works; the daemon of this machine prints them."""

import re
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mappedram.check import RULES, check
from mappedram.check.libvirt_messages import MESSAGES, LibvirtMessage, find_libvirt_message
from mappedram.cli.main import main
from mappedram.format.specification import errata
from tests.conftest import Fixtures
from tests.files import copy_sparse, patch
from tests.stream.libvirt.conftest import samples
from tests.stream.libvirt.samples import Samples
from tests.stream.libvirt.test_rules import CASES, Case
from tools.libvirt import Daemon, LibvirtError, domain_xml, unusable

__all__ = ["samples"]

Change = Callable[[Path], object]


def written(offset: int, data: bytes) -> Change:
    return lambda path: patch(path, offset, data)


def cut(size: int) -> Change:
    def change(path: Path) -> None:
        with path.open("r+b") as file:
            file.truncate(size)

    return change


#: Changes to an image, each with the beginning of what libvirt then says.
CHANGES = {
    "save image is incomplete": written(0, b"LibvirtQemudPart"),
    "image version is not supported": written(16, struct.pack("<I", 3)),
    "unsupported save image format": written(28, struct.pack("<I", 9)),
    "invalid header data length": written(20, struct.pack("<I", 0)),
    "Start tag expected": written(92, b"garbage "),
    "failed to read qemu header": cut(50),
    "failed to read domain XML": cut(500),
    "job 'start' failed": cut(3 << 20),
}
#: What the remedy says to run, and works on the image of libvirt above.
REMEDIES: dict[str, list[str]] = {
    "save image is incomplete": ["repair"],
    "image version is not supported": ["convert", "-O", "libvirt-sparse", "--offset", "--xml"],
    "unsupported save image format": ["convert", "-O", "libvirt-sparse"],
    "invalid header data length": ["convert", "-O", "libvirt-sparse", "--offset", "--xml"],
    "Start tag expected": ["convert", "-O", "libvirt-sparse", "--xml"],
}


def entry(beginning: str) -> LibvirtMessage:
    (found,) = (one for one in MESSAGES if one.words.startswith(beginning))
    return found


@pytest.fixture(scope="module")
def image(samples: Samples) -> Path:
    return samples["sparse"].path


def changed(image: Path, beginning: str, folder: Path) -> Path:
    path = copy_sparse(image, folder / "image.save")
    CHANGES[beginning](path)
    return path


@pytest.mark.parametrize("beginning", CHANGES)
def test_check_reports_what_the_message_names(beginning: str, image: Path, tmp_path: Path) -> None:
    found = {finding.code for finding in check(changed(image, beginning, tmp_path)).findings}
    codes = entry(beginning).codes
    assert found & set(codes) or (not codes and found)


@pytest.mark.parametrize("beginning", REMEDIES)
def test_the_remedy_works(beginning: str, image: Path, tmp_path: Path) -> None:
    path = changed(image, beginning, tmp_path)
    xml = tmp_path / "domain.xml"
    xml.write_text("<domain type='qemu'><name>guest</name></domain>")
    words, arguments = REMEDIES[beginning], []
    values = {"--offset": str(path.read_bytes().index(b"QEVM")), "--xml": str(xml)}
    for word in words:
        assert re.search(rf"`[^`]*{word}\b[^`]*`", entry(beginning).remedy), word
        arguments += [word, values[word]] if word in values else [word]
    out = tmp_path / "out.save"
    assert main([*arguments, str(path), str(out)]) == 0
    assert check(out).verdict == "clean"


def test_entries_are_of_rules_and_errata() -> None:
    for message in MESSAGES:
        assert set(message.codes) <= {*RULES, *errata()}
        assert message.cause.endswith(".")
        assert message.remedy.endswith(".")
        assert find_libvirt_message(re.sub(r"\{\w+\}", "9", message.words)) == message


@pytest.mark.parametrize("case", CASES, ids=[f"{case.code}-{n}" for n, case in enumerate(CASES)])
def test_what_a_finding_quotes_is_explained(case: Case, samples: Samples, tmp_path: Path) -> None:
    path = copy_sparse(samples[case.sample].path, tmp_path / "image")
    case.change(path)
    for finding in check(path).findings:
        for quoted in re.findall('; libvirt refuses it: "(.+)"$', finding.message):
            found = find_libvirt_message(quoted)
            assert found is not None, quoted
            assert finding.code in found.codes


def test_a_message_in_several_lines_and_cases() -> None:
    text = "error: Failed to restore domain\nerror: operation failed: SAVE image\n is incomplete"
    found = find_libvirt_message(text)
    assert found is not None
    assert found.words == "save image is incomplete"
    assert find_libvirt_message("Unknown ramblock") is None


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    if reason := unusable():
        pytest.skip(reason)
    with Daemon() as running:
        yield running


@pytest.fixture(scope="module")
def saved(daemon: Daemon) -> Path:
    """An image that this libvirt wrote."""
    xml, path = daemon.directory / "domain.xml", daemon.directory / "saved"
    xml.write_text(domain_xml(daemon))
    daemon.virsh("create", xml, "--paused")
    daemon.virsh("save", "guest", path, "--image-format", "sparse")
    return path


def said(daemon: Daemon, *words: str | Path) -> LibvirtMessage | None:
    with pytest.raises(LibvirtError) as caught:
        daemon.virsh(*words)
    return find_libvirt_message(str(caught.value))


@pytest.mark.qemu
@pytest.mark.parametrize("beginning", CHANGES)
def test_libvirt_says_so(beginning: str, daemon: Daemon, saved: Path, tmp_path: Path) -> None:
    path = changed(saved, beginning, tmp_path)
    assert said(daemon, "restore", path) == entry(beginning)


@pytest.mark.qemu
def test_libvirt_says_so_without_a_change(
    daemon: Daemon, saved: Path, fixtures: Fixtures, samples: Samples, tmp_path: Path
) -> None:
    assert said(daemon, "restore", fixtures["pc"].path) == entry("image magic is incorrect")
    plain = samples["raw"].path
    parallel = ("--parallel-channels", "2")
    assert said(daemon, "restore", plain, *parallel) == entry("Parallel save is only")
    assert said(daemon, "restore", saved, "--parallel-channels", "0") == entry("number of parallel")
    assert said(daemon, "restore", "/nonexistent") == entry("Failed to open file")
    xml = tmp_path / "long.xml"
    text = "x" * 100_000
    xml.write_text(
        domain_xml(daemon).replace("<memory ", f"<description>{text}</description><memory ", 1)
    )
    assert said(daemon, "save-image-define", saved, xml) == entry("new xml too large")
    other = copy_sparse(saved, tmp_path / "machine.save")
    patch(other, other.read_bytes().index(b"pc-i440fx-10.0"), b"pc-i440fx-19.0")
    assert said(daemon, "restore", other) == entry("Emulator '{emulator}' does not support")

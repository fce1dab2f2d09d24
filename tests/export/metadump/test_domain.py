"""Masking the XML of a domain."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappedram.export.metadump import Options
from mappedram.export.metadump.domain import is_xml, mask
from mappedram.stream.libvirt import describe
from tests.export.metadump.making import contents, metadump
from tests.stream.libvirt.samples import Samples

DOMAIN = b"""<?xml version='1.0'?>
<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>payroll &amp; co</name>
  <uuid>6d617070-6564-4261-8172-616d66696c65</uuid>
  <metadata><own:x xmlns:own='y'>customer</own:x></metadata>
  <memory unit='KiB'>1048576</memory>
  <os><type arch='x86_64' machine='pc-q35-10.0'>hvm</type><cmdline>luks=hunter2</cmdline></os>
  <!-- ask Bob -->
  <devices>
    <disk type='file' device='disk'>
      <source file='/srv/payroll.qcow2'/><target dev='vda' bus='virtio'/>
    </disk>
    <graphics type='vnc' port='5900' passwd='hunter2' passwdValidTo="2030-01-01"/>
    <description><![CDATA[the > one]]></description>
  </devices>
  <qemu:commandline><qemu:arg value='-object secret,data=hunter2'/></qemu:commandline>
</domain>
"""


@pytest.mark.parametrize("names", [False, True])
def test_secrets_go(names: bool) -> None:
    masked = mask(DOMAIN, names=names)
    assert len(masked.data) == len(DOMAIN)
    assert is_xml(masked.data)
    for secret in (b"hunter2", b"customer", b"Bob", b"2030", b"the > one"):
        assert secret not in masked.data
    for kept in (b"'pc-q35-10.0'", b">1048576<", b"dev='vda'", b"port='5900'", b"type='kvm'"):
        assert kept in masked.data
    assert masked.hidden == sum(a != b for a, b in zip(DOMAIN, masked.data, strict=True))


@pytest.mark.parametrize("name", [b"payroll", b"6d617070", b"/srv/", b"&amp;"])
def test_names_are_kept_if_asked_for(name: bytes) -> None:
    assert name not in mask(DOMAIN, names=False).data
    assert name in mask(DOMAIN, names=True).data


def test_it_stays_a_domain() -> None:
    domain = describe(mask(DOMAIN, names=False).data.decode())
    assert domain is not None
    assert (domain.machine, domain.arch, domain.name) == (
        "pc-q35-10.0",
        "x86_64",
        "xxxxxxx xxxxx xx",
    )


_VALUES = st.text(st.characters(codec="utf-8", exclude_characters="<&\"'>\r"), max_size=12).filter(
    lambda text: is_xml(f"<a>{text}</a>".encode())
)


@given(value=_VALUES, text=_VALUES)
def test_any_value(value: str, text: str) -> None:
    """Values of any length and alphabet are masked."""
    data = f"<domain><name>{text}</name><a b='{value}' c=\"{value}\">{text}</a></domain>".encode()
    masked = mask(data, names=False).data
    assert is_xml(masked)
    assert len(masked) == len(data)
    rest = masked.replace(b"<domain><name>", b"").replace(b"</name></a></domain>", b"")
    assert set(rest.split(b"=")[1].strip(b"'\" c")) <= set(b"x")
    assert not [
        word
        for word in text.encode().split()
        if word in masked and word.strip(b"x") and len(word) > 6
    ]


@pytest.mark.parametrize("data", [b"", b"<a", b"<!DOCTYPE a><a/>", b"<a></b>", b"\xff"])
def test_what_is_no_xml(data: bytes) -> None:
    assert not is_xml(data)


def test_image(samples: Samples) -> None:
    path = samples["sparse"].path
    with metadump(path) as fd:
        held = contents(fd)
        assert b"<name>xxxxx</name>" in held
        assert b"machine='pc-i440fx-10.0'" in held
        assert b"<feature policy='require' name='hypervisor'/>" in held
    with metadump(path, options=Options(names=True)) as fd:
        assert b"<name>guest</name>" in contents(fd)

"""Device state, decoded with the JSON description that QEMU appends to a stream.

There are no tables of devices: names, types and sizes of all fields come from the file. The meaning
of a field for the guest belongs in `guest`. If a metadump left out bytes of a field, its value is
`LeftOut()`.

>>> cpu = snapshot.state["cpu", 0]
>>> cpu["env.eip"]
65520
>>> cpu["env.eip"] = 0x7C00  # for files written from this snapshot
"""

from mappedram.stream.vmstate.state import DeviceState, DeviceStates, decode
from mappedram.stream.vmstate.tree import REST, Array, Leaf, Node, Struct
from mappedram.stream.vmstate.values import (
    LEFT_OUT_REASON,
    LeftOut,
    Scalar,
    Undecoded,
    Value,
    to_json,
)

__all__ = [
    "LEFT_OUT_REASON",
    "REST",
    "Array",
    "DeviceState",
    "DeviceStates",
    "Leaf",
    "LeftOut",
    "Node",
    "Scalar",
    "Struct",
    "Undecoded",
    "Value",
    "decode",
    "to_json",
]

"""The state of devices, decoded with the JSON text that QEMU appends to it.

>>> cpu = snapshot.state["cpu", 0]
>>> cpu["env.eip"]
65520
>>> cpu["env.eip"] = 0x7C00  # for files that are written of this snapshot

There are no tables of devices: names, types and sizes of all fields come from the file. A field of
which a metadump left out bytes has the value `LeftOut()`.
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

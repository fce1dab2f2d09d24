"""The state of devices, decoded with the JSON text that QEMU appends to it.

>>> from mappedram import vmstate
>>> state = vmstate.decode(snapshot)
>>> state["cpu", 0]["env.eip"]
65520

There are no tables of devices: names, types and sizes of all fields come from the file.
"""

from mappedram.vmstate.edit import Patch, apply
from mappedram.vmstate.state import DeviceState, DeviceStates, decode
from mappedram.vmstate.tree import REST, Array, Leaf, Node, Struct
from mappedram.vmstate.values import Scalar, Undecoded, Value, to_json

__all__ = [
    "REST",
    "Array",
    "DeviceState",
    "DeviceStates",
    "Leaf",
    "Node",
    "Patch",
    "Scalar",
    "Struct",
    "Undecoded",
    "Value",
    "apply",
    "decode",
    "to_json",
]

"""The stacker that offers Volatility a layer for a file."""

import logging
from typing import Any, ClassVar

from volatility3.framework import interfaces
from volatility3.framework.layers import physical

from mappedram.errors import UnknownPagesError
from mappedram.export.volatility.layer import PARTIAL, MappedRamLayer, RefusedLayer, path_of
from mappedram.format.constants import QEMU_VM_FILE_MAGIC
from mappedram.format.libvirt import MAGIC_SIZE, MAGICS

vollog = logging.getLogger(__name__)


class MappedRamStacker(interfaces.automagic.StackerLayerInterface):
    """Accepts streams of QEMU and save images of libvirt, and nothing else."""

    #: Before Volatility's own layer for QEMU, which has 10: it fails for every mapped-ram file,
    #: which is then taken for flat memory.
    stack_order: ClassVar[int] = 9

    @classmethod
    def stack(
        cls,
        context: interfaces.context.ContextInterface,
        layer_name: str,
        progress_callback: Any = None,
    ) -> interfaces.layers.DataLayerInterface | None:
        """The layer, or None for a file of another kind."""
        del progress_callback
        base = context.layers[layer_name]
        if not isinstance(base, physical.FileLayer) or base.maximum_address < MAGIC_SIZE:
            return None
        head = base.read(0, MAGIC_SIZE)
        if not head.startswith(QEMU_VM_FILE_MAGIC) and head not in MAGICS:
            return None
        try:
            return _memory(context, base, head)
        except UnknownPagesError as error:
            vollog.error(
                f"{base.location}: not all of guest memory is known: {error}. Nothing is shown of"
                f" it; with {PARTIAL}=1 in the environment, unknown pages are no memory"
            )
        except Exception as error:
            # Whatever the error is, Volatility would go on silently with wrong addresses.
            vollog.error(
                f"{base.location}: guest memory cannot be read: {error}. Nothing is shown of it,"
                " as addresses would be wrong"
            )
        return RefusedLayer(context, *_place(context, "RefusedLayer"))


def _memory(
    context: interfaces.context.ContextInterface, base: physical.FileLayer, head: bytes
) -> MappedRamLayer:
    path = path_of(base.location)
    if path is None or _head(path) != head:
        # Volatility unpacks archives and downloads files; pages are read by offset here.
        raise OSError("not a file of this machine as it is; fetch or unpack it first")
    config_path, name = _place(context, "MappedRamLayer")
    context.config[interfaces.configuration.path_join(config_path, "location")] = base.location
    layer = MappedRamLayer(context, config_path, name)
    for doubt in layer.memory.doubts:
        vollog.warning(f"{path}: guest memory: {doubt}")
    return layer


def _head(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read(MAGIC_SIZE)


def _place(context: interfaces.context.ContextInterface, kind: str) -> tuple[str, str]:
    """Configuration path and name of a layer, which are the same."""
    name = context.layers.free_layer_name(kind)
    return name, name

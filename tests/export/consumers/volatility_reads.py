"""Print what Volatility reads through the layer, as JSON. The tests run it.

`python volatility_reads.py FILE PATTERN CR3 ADDRESS`
"""

import json
import sys
from pathlib import Path
from typing import Any

from volatility3.framework import contexts
from volatility3.framework.layers import intel, physical, scanners

from mappedram.export.volatility.stacker import MappedRamStacker


def main(path: str, pattern: str, directory: str, address: str) -> dict[str, Any]:
    """Places of a pattern, and contents at a virtual address, by page tables in guest memory."""
    context = contexts.Context()
    context.config["file.location"] = Path(path).as_uri()
    context.add_layer(physical.FileLayer(context, "file", "file"))
    memory = MappedRamStacker.stack(context, "file")
    assert memory is not None
    context.add_layer(memory)
    context.config["kernel.memory_layer"] = memory.name
    context.config["kernel.page_map_offset"] = int(directory, 16)
    kernel = intel.Intel32e(context, "kernel", "kernel")
    context.add_layer(kernel)
    return {
        "found": list(memory.scan(context, scanners.BytesScanner(pattern.encode()))),
        "virtual": kernel.read(int(address, 16) & kernel.address_mask, 400).hex(),
    }


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))

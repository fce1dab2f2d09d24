"""Programs for machines other than PCs that load each register with a distinct value, and stop.

A PC's is `tools/qemu/long_mode.py`. Starting machines belongs to the tests.
"""

from .arm import MODES, aarch64, aarch64_in_aarch32, aarch64_sve, arm, cortex_m
from .loongarch import loongarch64
from .ppc import ppc, ppc64
from .riscv import riscv32, riscv64
from .s390x import s390x

__all__ = [
    "MODES",
    "aarch64",
    "aarch64_in_aarch32",
    "aarch64_sve",
    "arm",
    "cortex_m",
    "loongarch64",
    "ppc",
    "ppc64",
    "riscv32",
    "riscv64",
    "s390x",
]

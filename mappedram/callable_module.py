"""Callable packages: `mappedram.check(file)` works although `mappedram.check` is a package.

`check`, `diff` and `repair` are verbs and packages. Importing a package sets the attribute of that
name in `mappedram`, so a function of the same name would be lost at the first `from mappedram.check
import Report`. Other names for three of six verbs would be hard to guess. Therefore the package
itself is callable, and `mappedram.check` is the same object before and after such an import.

`help`, `importlib` and `inspect` treat it as a module; `inspect.signature` returns the signature of
the function. `pickle` and `copy` refer to it by name, so `pool.map(mappedram.check, files)` works.
Type checkers see the function: they accept `mappedram.check(file)`, `from mappedram.check import
Report` and `import mappedram.check as checking`, but not the attribute `mappedram.check.Report`.
"""

import sys
from collections.abc import Callable
from importlib import import_module
from inspect import Signature, signature
from types import ModuleType


class CallableModule(ModuleType):
    """A package that calls its function of the same name."""

    def __call__(self, *arguments: object, **options: object) -> object:
        """Call the function."""
        return _function(self)(*arguments, **options)

    @property
    def __signature__(self) -> Signature:
        """Signature of the function."""
        return signature(_function(self))

    def __reduce__(self) -> tuple[Callable[[str], ModuleType], tuple[str]]:
        """Refer to the package by name."""
        return import_module, (self.__name__,)


def _function(module: ModuleType) -> Callable[..., object]:
    found: Callable[..., object] = vars(module)[module.__name__.rpartition(".")[2]]
    return found


def make_callable(name: str) -> None:
    """Make a package callable that defines a function of its own name."""
    sys.modules[name].__class__ = CallableModule

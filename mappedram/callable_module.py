"""Packages that can be called: `mappedram.check(file)`, where `mappedram.check` is a package, too.

Three verbs have a package of their name, from which people import (`from mappedram.check import
Report`). Whatever function stood in its place in `mappedram` would be replaced by the package as
soon as somebody imports that, and other names for three verbs of six would have to be learnt. So
the package itself is what is called, and it is the same object before and after that import.

It is a module for `help`, `importlib` and `inspect`; `pickle` and `copy` keep it by its name, so
that `pool.map(mappedram.check, files)` works; `inspect.signature` has the signature of the
function. To type checkers `mappedram.check` is the function: they take `mappedram.check(file)`,
`from mappedram.check import Report` and `import mappedram.check as checking`, and only refuse
`mappedram.check.Report` without such an import.
"""

import sys
from collections.abc import Callable
from importlib import import_module
from inspect import Signature, signature
from types import ModuleType


class CallableModule(ModuleType):
    """A package that is called as the function of its own name."""

    def __call__(self, *arguments: object, **options: object) -> object:
        """As the function that has the name of the package."""
        return _function(self)(*arguments, **options)

    @property
    def __signature__(self) -> Signature:
        """That of the function."""
        return signature(_function(self))

    def __reduce__(self) -> tuple[Callable[[str], ModuleType], tuple[str]]:
        """A package is kept by its name."""
        return import_module, (self.__name__,)


def _function(module: ModuleType) -> Callable[..., object]:
    found: Callable[..., object] = vars(module)[module.__name__.rpartition(".")[2]]
    return found


def make_callable(name: str) -> None:
    """Let a package be called that has a function of its own name, once it is loaded."""
    sys.modules[name].__class__ = CallableModule

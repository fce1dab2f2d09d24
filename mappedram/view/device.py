"""Fields of devices as text: a tree, one field a line; long or repeated parts are folded.

The JSON output folds nothing.
"""

from collections.abc import Callable, Iterator, Sequence

from mappedram.printable import plural, printable
from mappedram.stream.vmstate import Array, Leaf, LeftOut, Node, Scalar, Struct, Undecoded, Value
from mappedram.view.text import folded, hex_bytes

#: Several fields are put on one line only up to this length.
_LINE_MAX = 96
#: Bytes shown at the beginning of a buffer.
_BYTES_SHOWN = 16
#: Buffers up to this size are shown whole.
_BYTES_WHOLE = 32
#: Shorter buffers are not tested for text.
_TEXT_MIN = 3
#: Values of an array on one line.
_ROW = 8
#: Most lines shown of an array, or elements that take several lines each.
_ROWS_SHOWN = 24
#: Smaller numbers are the same in hex.
_SMALL = 10
#: Longer names extend beyond their column.
_NAME_WIDTH_MAX = 28


def scalar(value: Scalar) -> str:
    """One value: numbers in hex and decimal, bytes in hex and, if they are printable, as text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return number(value) if value < _SMALL else f"{value:#x} ({value})"
    if value is None or isinstance(value, LeftOut):
        return "null pointer" if value is None else str(value)
    if isinstance(value, str):
        return f'"{printable(value)}"'
    if isinstance(value, Undecoded):
        shown = f": {_buffer(value.data)}" if value.data else ""
        return f"undecoded{shown} ({printable(value.reason)})"
    return _buffer(value)


def number(value: int) -> str:
    """A number in a row of many: in hex, or in decimal if negative."""
    return str(value) if value < _SMALL else f"{value:#x}"


def _buffer(data: bytes) -> str:
    text = data.rstrip(b"\0")
    if not text:
        return "00" if len(data) == 1 else f"{len(data)} zero bytes"
    # QEMU keeps names in zero-padded buffers.
    if (
        len(text) >= _TEXT_MIN
        and text.isascii()
        and text.decode().isprintable()
        and len(text) <= len(data)
    ):
        filled = (
            f" and {plural(len(data) - len(text), 'zero byte')}" if len(data) > len(text) else ""
        )
        return f'"{text.decode()}"{filled}' if len(text) <= _LINE_MAX else _cut(data)
    return hex_bytes(data) if len(data) <= _BYTES_WHOLE else _cut(data)


def _cut(data: bytes) -> str:
    return f"{hex_bytes(data[:_BYTES_SHOWN])} … {len(data)} bytes"


def value_line(value: Value) -> str:
    """Any value on one line, cut if it is too long."""
    if isinstance(value, dict):
        inner = ", ".join(f"{printable(name)}={value_line(one)}" for name, one in value.items())
        text = f"{{{inner}}}"
    elif isinstance(value, list):
        text = f"[{', '.join(map(value_line, value))}]"
    else:
        return scalar(value)
    return text if len(text) <= _LINE_MAX else f"{text[:_LINE_MAX]} …"


def device_name(idstr: str, instance_id: int | None) -> str:
    """Name and instance of a device, as `--device` takes them."""
    return f"{printable(idstr)}/{instance_id or 0}"


def tree(struct: Struct) -> Iterator[str]:
    """The fields and subsections of a struct, one or more lines each."""
    children = list(struct.children())
    width = max((len(_label(step, node)) for step, node in children if _is_short(node)), default=0)
    for step, node in children:
        name = printable(step)
        if step.strip("'") in struct.subsections and isinstance(node, Struct):
            yield f"subsection {name}, version {_version(node)}"
            yield from _indented(tree(node))
        else:
            yield from _named(name, node, min(width, _NAME_WIDTH_MAX))


def _version(subsection: Struct) -> object:
    return subsection.framing[0].value if subsection.framing else subsection.version


def _indented(lines: Iterator[str]) -> Iterator[str]:
    return (f"  {line}" for line in lines)


def _named(name: str, node: Node, width: int) -> Iterator[str]:
    """A field after its name, on the same line if it fits."""
    if isinstance(node, Leaf):
        yield f"{name:<{width}}  {scalar(node.value)}"
    elif isinstance(node, Struct):
        flat = _flat(node)
        yield name if flat is None else f"{name:<{width}}  {flat}"
        if flat is None:
            yield from _indented(tree(node))
    elif _is_row(node):
        yield from _numbers(_label(name, node), node, width)
    else:
        yield _label(name, node)
        yield from _indented(_elements(node.items))


def _is_short(node: Node) -> bool:
    """Whether the value is shown beside the name."""
    if isinstance(node, Array):
        return _is_row(node) and (len(node.items) <= _ROW or _is_uniform(node))
    return isinstance(node, Leaf) or _flat(node) is not None


def _label(name: str, node: Node) -> str:
    return f"{name}[{len(node.items)}]" if isinstance(node, Array) else name


def _flat(struct: Struct) -> str | None:
    """A struct of a few numbers on one line; None if it does not fit."""
    leaves = [(step, node) for step, node in struct.children() if isinstance(node, Leaf)]
    if struct.subsections or len(leaves) < len(struct.fields) or not leaves:
        return None
    values = [node.value for _, node in leaves]
    if any(isinstance(value, (Undecoded, str)) for value in values):
        return None
    text = " ".join(f"{printable(step)}={_short(node.value)}" for step, node in leaves)
    return text if len(text) <= _LINE_MAX else None


def _short(value: Scalar) -> str:
    """A value shown beside others."""
    return number(value) if isinstance(value, int) and value is not True else scalar(value)


def _is_row(array: Array) -> bool:
    """Whether the elements are numbers, shown several to a line."""
    return all(
        isinstance(item, Leaf) and isinstance(item.value, (int, LeftOut)) for item in array.items
    )


def _is_uniform(array: Array) -> bool:
    """Whether all elements are the same number."""
    return all(item.value == array.items[0].value for item in array.items)


def _numbers(label: str, array: Array, width: int) -> Iterator[str]:
    values = [_short(item.value) for item in array.items if isinstance(item, Leaf)]
    if len(values) <= _ROW:
        yield f"{label:<{width}}  {' '.join(values) or 'no elements'}"
    elif _is_uniform(array):
        yield f"{label:<{width}}  all {values[0]}"
    else:
        yield label
        rows = [" ".join(values[start : start + _ROW]) for start in range(0, len(values), _ROW)]
        digits = len(f"[{_ROW * len(rows) - _ROW}]")
        yield from _indented(
            _folded(rows, lambda row: iter([f"{f'[{_ROW * row}]':<{digits}}  {rows[row]}"]), "rows")
        )


def _elements(items: Sequence[Node]) -> Iterator[str]:
    """Elements that are not just numbers."""
    values = [item.value for item in items]
    return _folded(values, lambda index: _named(f"[{index}]", items[index], 0), "elements")


def _folded(
    values: Sequence[object], lines: Callable[[int], Iterator[str]], what: str
) -> Iterator[str]:
    """The lines of each value, folded if there are many or if they repeat."""
    shown = 0
    for pieces, hidden in folded(range(len(values)), lambda index: values[index]):
        if shown >= _ROWS_SHOWN:
            yield f"… {len(values) - pieces[0]} more {what}"
            return
        for index in pieces:
            yield from lines(index)
        shown += len(pieces)
        if hidden:
            yield f"… {len(hidden)} more {what} like {'this' if len(pieces) == 1 else 'these'}"

"""Rules about one field: `mappedram.format` declares them, and one loop checks them all."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, wraps
from typing import cast

from construct import Array, Construct

from mappedram.check.context import Context
from mappedram.check.finding import Defect, Place
from mappedram.check.registry import rule
from mappedram.format import ELEMENTS
from mappedram.format.judged import FieldRule, Severity
from mappedram.format.members import members
from mappedram.format.structures import KINDS
from mappedram.format.typed import Fields, Value
from mappedram.format.validity import Scalar
from mappedram.stream.model import Element


@dataclass(frozen=True, slots=True)
class Broken:
    """A field that breaks its rule.

    Attributes:
        element: the structure in the stream, with its values.
        values: values of the structure with the field, which may be nested in `element`.
        value: value of the field.
        expected: the requirement, in short.
    """

    element: Element[object]
    values: Fields
    value: Scalar
    expected: str

    @property
    def text(self) -> str:
        """The value of a text field."""
        assert isinstance(self.value, str)
        return self.value

    @property
    def number(self) -> int:
        """The value of a numeric field."""
        assert isinstance(self.value, int)
        return self.value

    @property
    def idstr(self) -> str:
        """The name of the block, section or subsection with the field."""
        return str(self.element.fields["idstr"])


#: Gives the message of a finding.
Sentence = Callable[[Broken], str]


@dataclass(frozen=True)
class Spot:
    """A rule about a field, and the path to the field in a structure of the stream.

    Attributes:
        kind: the structure, by its name in the spec.
        steps: fields that lead from there to the structure with the field.
        name: the field.
        rule: the rule.
        in_list: whether one of the steps is a list.
    """

    kind: str
    steps: tuple[str, ...]
    name: str
    rule: FieldRule
    in_list: bool

    def holds(self, values: Fields) -> bool:
        """Whether a structure certainly keeps the rule; a fast path for nearly all structures."""
        if self.in_list:
            return False
        owner: Value = values
        for step in self.steps:
            owner = owner.get(step) if isinstance(owner, Mapping) else None
        if not isinstance(owner, Mapping):
            return True
        value = cast("Scalar | None", owner.get(self.name))
        return value is None or self.rule.broken(value, owner) is None

    def broken(self, element: Element[object]) -> Iterator[tuple[str, Broken]]:
        """The fields of one structure that break the rule, by path."""
        for prefix, values in _within(element.fields, self.steps):
            value = cast("Scalar | None", values.get(self.name))
            validity = None if value is None else self.rule.broken(value, values)
            if value is not None and validity is not None:
                expected = validity.text(self.rule.shown)
                yield prefix + self.name, Broken(element, values, value, expected)


def _within(
    values: Fields, steps: tuple[str, ...], prefix: str = ""
) -> Iterator[tuple[str, Fields]]:
    """The structures at the end of `steps`, by path; several if one of the steps is a list."""
    if not steps:
        yield prefix, values
        return
    step, *rest = steps
    member = values.get(step)
    if isinstance(member, Mapping):
        yield from _within(member, tuple(rest), f"{prefix}{step}/")
        return
    for index, entry in enumerate(cast("list[Fields] | None", member) or ()):
        yield from _within(entry, tuple(rest), f"{prefix}{step}[{index}]/")


@cache
def spots() -> dict[str, tuple[Spot, ...]]:
    """The fields of each rule, by code, in stream order."""
    found: dict[str, tuple[Spot, ...]] = {}
    for kind, declaration in ELEMENTS.items():
        for spot in _spots(kind, declaration, (), in_list=False):
            found[spot.rule.code] = (*found.get(spot.rule.code, ()), spot)
    return found


def _spots(
    kind: str, structure: Construct, steps: tuple[str, ...], *, in_list: bool
) -> Iterator[Spot]:
    for field in members(structure):
        yield from (Spot(kind, steps, field.name, declared, in_list) for declared in field.rules)
        listed = in_list or isinstance(field.core, Array)
        for inner in field.structures:
            yield from _spots(kind, inner, (*steps, field.name), in_list=listed)


class FieldJudge:
    """One rule about a field, with the message of its findings.

    Attributes:
        kind: the structures that have the field, by their name in the spec.
        severity: that of its findings.
        clause: the clause of spec/format.md that demands it.
    """

    def __init__(self, code: str, sentence: Sentence) -> None:
        self._spots = spots()[code]
        self._sentence = sentence
        self.kind = KINDS[self._spots[0].kind]
        self.severity: Severity = self._spots[0].rule.severity
        self.clause: str = self._spots[0].rule.clause

    def defects(
        self, elements: Iterable[Element[object]], place: Callable[[Element[object], str], Place]
    ) -> Iterator[Defect]:
        """The defects that the rule finds.

        Args:
            elements: the structures of its kind.
            place: where the field with a path lies in one of them.
        """
        for element in elements:
            for spot in self._spots:
                if spot.holds(element.fields):
                    continue
                for path, broken in spot.broken(element):
                    yield Defect(
                        self._sentence(broken),
                        place(element, path),
                        broken.expected or None,
                        spot.rule.shown(broken.value),
                    )


def field_rule(
    code: str, name: str, *, defect: str, qemu: str, errata: tuple[str, ...] = ()
) -> Callable[[Sentence], Sentence]:
    """Register the rule that a field of the stream declares with this code.

    The function makes the sentence of a finding. Its docstring has the summary, then `Why:` and
    `Remedy:`, as for `mappedram.check.registry.rule`.
    """

    def register(sentence: Sentence) -> Sentence:
        judge = FieldJudge(code, sentence)

        @wraps(sentence)
        def of_context(context: Context) -> Iterator[Defect]:
            elements = context.of_kind(judge.kind)
            return judge.defects(elements, context.field)

        register_rule = rule(
            code,
            name,
            judge.severity,
            defect=defect,
            clause=judge.clause,
            qemu=qemu,
            errata=errata,
        )
        register_rule(of_context)
        return sentence

    return register

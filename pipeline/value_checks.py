"""Finds what is wrong with values, written as YAML, for fields of dataclasses; says it in words."""

from __future__ import annotations

import dataclasses
import difflib
import types
import typing
from collections.abc import Iterable, Iterator
from typing import Any, Literal, NamedTuple

import yaml

_TAG = "tag:yaml.org,2002:"
_NOTHING = f"{_TAG}null"
_EXPECTED = {
    bool: ("true or false", {"bool"}),
    int: ("an integer", {"int"}),
    float: ("a number", {"int", "float"}),
    # Other loaders than PyYAML's own take a date for text, as here.
    str: ("text; put it in quotes", {"str", "timestamp"}),
}


class Problem(NamedTuple):
    """What is wrong with a value.

    Attributes:
        text: A sentence that names the field.
        line: Where it stands, from 1.
    """

    text: str
    line: int


def find_problem(node: yaml.Node, kind: Any, name: str = "", *, values: bool) -> Problem | None:
    """Returns the first thing that is wrong with a value.

    Args:
        node: The value.
        kind: What it should be: a dataclass, a tuple, an optional of these, a plain type.
        name: The field's name.
        values: Whether plain values are looked at, too: else it is only names of fields, fields
            that are set twice, and whether fields and lists stand where they should.
    """
    return next(_problems(node, kind, name, values), None)


def kinds_of_fields(kind: Any, prefix: str = "") -> dict[str, Any]:
    """Returns the types of all fields of a dataclass by name; those within are `outer.inner`."""
    found: dict[str, Any] = {}
    hints = typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):
        name = f"{prefix}{field.name}"
        found[name] = hints[field.name]
        for option in _options(hints[field.name]):
            if dataclasses.is_dataclass(option):
                found |= kinds_of_fields(option, f"{name}.")
    return found


def nearest(name: str, names: Iterable[str], prefix: str = "") -> str:
    """Returns a question after the name that was meant, empty if none is like it.

    Args:
        name: What was written.
        names: What there is.
        prefix: Begins names where they are written.
    """
    known = list(names)
    same_end = [it for it in known if it.rpartition(".")[2] == name.rpartition(".")[2]]
    wanted = name.replace("-", "_")
    like = difflib.get_close_matches(wanted, known, n=1)
    if not like:
        ends = {it.rpartition(".")[2]: it for it in reversed(known)}
        end = difflib.get_close_matches(wanted.rpartition(".")[2], ends, n=1, cutoff=0.8)
        like = same_end or [ends[it] for it in end]
    return f"; did you mean {prefix}{like[0]}?" if like else ""


def _problems(node: yaml.Node, kind: Any, name: str, values: bool) -> Iterator[Problem]:
    options = _options(kind)
    fields = next((it for it in options if dataclasses.is_dataclass(it)), None)
    items = next((it for it in options if _is_list(it)), None)
    plain = [it for it in options if it in _EXPECTED or typing.get_origin(it) is Literal]
    if isinstance(node, yaml.MappingNode) and fields is not None:
        yield from _problems_of_fields(node, fields, name, values)
    elif isinstance(node, yaml.SequenceNode) and items is not None:
        for index, item in enumerate(node.value):
            yield from _problems(item, typing.get_args(items)[0], f"{name}[{index}]", values)
    elif isinstance(node, yaml.ScalarNode) and type(None) in options and node.tag == _NOTHING:
        return
    elif isinstance(node, yaml.ScalarNode) and plain:
        expected = [_expected(node, option) for option in plain] if values else [""]
        if all(expected):
            yield _problem(node, f"{name} is {_written(node)}; expected {expected[0]}")
    elif fields is not None or items is not None or plain:
        yield _problem(node, f"{_subject(name, node)}; expected {_shape(fields, items)}")


def _problems_of_fields(
    node: yaml.MappingNode, kind: Any, name: str, values: bool
) -> Iterator[Problem]:
    kinds = kinds_of_fields(kind)
    prefix = f"{name}." if name else ""
    lines: dict[str, int] = {}
    for key, value in node.value:
        field = str(key.value)
        if field in lines:
            again = f"{prefix}{field} stands here again, after line {lines[field]}; join the two"
            yield _problem(key, again)
        lines[field] = key.start_mark.line + 1
        if field in kinds:
            yield from _problems(value, kinds[field], f"{prefix}{field}", values)
        else:
            meant = nearest(field, kinds, prefix)
            yield _problem(key, f"there is no field {prefix}{field}{meant}")
    missing = [field.name for field in _needed(kind) if field.name not in lines]
    if missing:
        yield _problem(node, f"{name} is incomplete; required: {', '.join(missing)}")


def _needed(kind: Any) -> list[dataclasses.Field[Any]]:
    return [
        field
        for field in dataclasses.fields(kind)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    ]


def _options(kind: Any) -> tuple[Any, ...]:
    """Returns the types that a value may have."""
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return typing.get_args(kind)
    return (kind,)


def _is_list(kind: Any) -> bool:
    return typing.get_origin(kind) in (tuple, list)


def _expected(node: yaml.ScalarNode, kind: Any) -> str:
    """Returns what was expected instead of a plain value; empty if it is right."""
    if typing.get_origin(kind) is Literal:
        choices = [str(choice) for choice in typing.get_args(kind)]
        if node.value in choices:
            return ""
        return f"one of {', '.join(choices)}{nearest(node.value, choices)}"
    if kind is float and _is_number(node.value):  # YAML 1.1 takes 1e-3 for text
        return ""
    text, tags = _EXPECTED[kind]
    return "" if node.tag.removeprefix(_TAG) in tags else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _problem(node: yaml.Node, text: str) -> Problem:
    return Problem(text, node.start_mark.line + 1)


def _subject(name: str, node: yaml.Node) -> str:
    if isinstance(node, yaml.ScalarNode):
        written = _written(node)
    else:
        written = "a list" if isinstance(node, yaml.SequenceNode) else "a mapping of fields"
    return f"{name or 'the file'} is {written}"


def _written(node: yaml.ScalarNode) -> str:
    return repr(node.value) if node.value else "empty"


def _shape(fields: Any, items: Any) -> str:
    """Returns what should stand where a value of another shape does."""
    if fields is not None:
        names = ", ".join(field.name for field in dataclasses.fields(fields)[:3])
        return f"fields such as {names}"
    return "a list such as [a, b]" if items is not None else "a single value"

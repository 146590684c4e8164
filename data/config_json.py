"""Configurations, nested dataclasses, as JSON and back."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from typing import Any, ClassVar, TypeVar

T = TypeVar("T", bound="JsonConfig")


@dataclasses.dataclass(frozen=True)
class JsonConfig:
    """A dataclass that travels as JSON text, as a component's parameter for example.

    Attributes:
        json_name: What errors call it.
    """

    json_name: ClassVar[str] = "config"

    def to_json(self) -> str:
        """Returns the configuration as canonical JSON: equal configurations give equal text."""
        return json.dumps(dataclasses.asdict(typing.cast(Any, self)), sort_keys=True)

    @classmethod
    def from_json(cls: type[T], text: str) -> T:
        """Returns the configuration that `to_json` wrote.

        Raises:
            ValueError: A key is unknown, or one that is needed is missing.
        """
        return decode(cls, json.loads(text), cls.json_name)


def decode(kind: Any, value: Any, where: str) -> Any:
    """Returns `value` as an instance of `kind`, which `dataclasses.asdict` and JSON took apart.

    Args:
        kind: A dataclass, `tuple[T, ...]`, a plain type, or a union of one of each, with or without
            None.
        value: Lists, dictionaries and scalars as JSON gives them.
        where: Path of the value, to name in errors.

    Raises:
        ValueError: A dictionary has a key that the dataclass does not, or lacks one it needs.
    """
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        if value is None:
            return None
        options = [option for option in typing.get_args(kind) if option is not type(None)]
        kind = next((option for option in options if _holds(option, value)), options[0])
        return decode(kind, value, where)
    if origin is tuple:
        item = typing.get_args(kind)[0]
        return tuple(decode(item, part, f"{where}[{i}]") for i, part in enumerate(value))
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        fields = [field.name for field in dataclasses.fields(kind)]
        unknown = sorted(set(value) - set(fields))
        if unknown:
            raise ValueError(
                f"{where}.{unknown[0]} is not a field; the fields are {', '.join(fields)}"
            )
        for field in dataclasses.fields(kind):
            optional = (field.default, field.default_factory) != (dataclasses.MISSING,) * 2
            if field.name not in value and not optional:
                raise ValueError(
                    f"{where}.{field.name} is missing: another version of lifelong wrote it; run "
                    "`lifelong run` again"
                )
        return typing.cast(Any, kind)(
            **{name: decode(hints[name], part, f"{where}.{name}") for name, part in value.items()}
        )
    return value


def _holds(kind: Any, value: Any) -> bool:
    """Whether a value that JSON gave can be of this kind."""
    if isinstance(value, dict):
        return dataclasses.is_dataclass(kind)
    return (typing.get_origin(kind) is tuple) == isinstance(value, list)

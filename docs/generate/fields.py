"""Pages of the configuration and of the commands, out of the typed code that reads them."""

from __future__ import annotations

import argparse
import dataclasses
import functools
import json
import types
import typing
from collections.abc import Callable, Iterator
from typing import Any, Literal

import docstring_parser

from lifelong.commands.command import Command
from lifelong.commands.parser import COMMANDS
from lifelong.pipeline.config import Config
from lifelong.pipeline.value_checks import kinds_of_fields

# Of the configuration, but computed of other fields of it: the parser does not take it.
FOLLOWS = {"data.window"}
# What stands in a page where it is filled in, and what makes the text.
_MARK = "<!-- filled in by docs/generate/fields.py -->"


@dataclasses.dataclass(frozen=True)
class Field:
    """A value that can be chosen.

    Attributes:
        name: Its name.
        kind: Its type.
        default: Its default; `dataclasses.MISSING` if it has to be given.
        meaning: What its docstring says.
    """

    name: str
    kind: Any
    default: Any
    meaning: str

    def shown(self) -> str:
        """Returns the field as an entry of a list of definitions in Markdown."""
        told = [_kind_in_words(self.kind), *_default_in_words(self.default)]
        return f"`{self.name}`\n: {', '.join(told)}. {self.meaning}\n"


def fields_of(kind: type) -> list[Field]:
    """Returns the fields of a dataclass, those that it inherits first."""
    hints = typing.get_type_hints(kind)
    meanings = meanings_of(kind)
    return [
        Field(field.name, hints[field.name], _default_of(field), meanings[field.name])
        for field in dataclasses.fields(kind)
    ]


def meanings_of(kind: type) -> dict[str, str]:
    """Returns what the docstrings of a dataclass, and of what it inherits, say of each field."""
    said: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        for entry in docstring_parser.parse(base.__doc__ or "").params:
            said[entry.arg_name] = " ".join((entry.description or "").split())
    return said


def sections(kind: type, name: str = "") -> Iterator[tuple[str, type]]:
    """Returns a dataclass and those within it, with the names of their fields.

    One that several fields have is told once, under the first name.
    """
    met: set[type] = set()

    def walk(kind: type, name: str) -> Iterator[tuple[str, type]]:
        met.add(kind)
        yield name, kind
        for field in fields_of(kind):
            for inner in _dataclasses_in(field.kind):
                if inner not in met:
                    yield from walk(inner, f"{name}.{field.name}".lstrip("."))

    return walk(kind, name)


def configuration_page() -> str:
    """Returns the reference of the configuration in Markdown."""
    parts = []
    for name, kind in sections(Config):
        summary = docstring_parser.parse(kind.__doc__ or "")
        parts.append(f"## {f'`{name}`' if name else 'Top level'}\n")
        parts.append(f"{summary.short_description}\n")
        if summary.long_description:
            parts.append(f"{summary.long_description}\n")
        own = f"{name}." if name else ""
        parts += [field.shown() for field in fields_of(kind) if f"{own}{field.name}" not in FOLLOWS]
    return "\n".join(parts)


def commands_page() -> str:
    """Returns the reference of the commands in Markdown."""
    return "\n".join(_command_section(name, command) for name, command in COMMANDS.items())


def command_options(command: Command) -> list[Field]:
    """Returns the options of a command that are not fields of the configuration."""
    of_configuration = kinds_of_fields(Config) if reads_configuration(command) else {}
    options = []
    for action in command.make_parser()._actions:
        name = next((it for it in action.option_strings if it.startswith("--")), "")
        if not name or name == "--help" or name[2:].split(".")[0] in of_configuration:
            continue
        kind = getattr(action, "_typehint", None) or action.type or str
        if dataclasses.is_dataclass(kind) or type(action).__name__ == "_ActionConfigLoad":
            continue
        default = dataclasses.MISSING if action.required else action.default
        options.append(Field(name, kind, default, _sentence(action.help)))
    return options


def reads_configuration(command: Command) -> bool:
    """Returns whether a command has an option for every field of the configuration."""
    return "--data.behaviors.files" in command.make_parser()._option_string_actions


def _command_section(name: str, command: Command) -> str:
    parser = command.make_parser()
    told = parser.description or command.help
    parts = [f"## `lifelong {name}`\n", f"{_sentence(command.help)}\n"]
    if _sentence(told).lower() != _sentence(command.help).lower():
        parts.append(f"{_sentence(told)}\n")
    if reads_configuration(command):
        parts.append(
            "Every field of the [configuration](configuration.md) is an option, too, such as "
            "`--model.long_term sim_hard`.\n"
        )
    parts += [option.shown() for option in command_options(command)]
    return "\n".join(parts)


def _sentence(text: str | None) -> str:
    text = " ".join((text or "").split())
    if not text:
        return ""
    return f"{text[0].upper()}{text[1:]}" + ("" if text.endswith((".", "!")) else ".")


def _default_of(field: dataclasses.Field) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


def _default_in_words(default: Any) -> Iterator[str]:
    if default is dataclasses.MISSING:
        yield "required"
    elif default is None or (isinstance(default, tuple | list) and not default):
        yield "none by default"
    elif default == "":
        yield "empty by default"
    elif not dataclasses.is_dataclass(default) and default != argparse.SUPPRESS:
        yield f"default `{_literal(default)}`"


def _literal(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(list(value) if isinstance(value, tuple) else value)


def _kind_in_words(kind: Any) -> str:
    plain = {bool: "true or false", int: "integer", float: "number", str: "text"}
    if kind in plain:
        return plain[kind]
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is Literal:
        return " or ".join(f"`{it}`" for it in arguments)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_kind_in_words(it) for it in arguments if it is not type(None))
    if origin in (tuple, list):
        inner = [it for it in arguments if it is not Ellipsis]
        return f"list of {_plural(inner[0])}" if inner else "list"
    if dataclasses.is_dataclass(kind):
        return _link_to(kind)
    return getattr(kind, "__name__", str(kind))


def _plural(kind: Any) -> str:
    if dataclasses.is_dataclass(kind):
        return f"sections like {_link_to(kind)}"
    return {int: "integers", float: "numbers", str: "texts"}.get(kind) or _kind_in_words(kind)


@functools.cache
def _link_to(kind: Any) -> str:
    """Returns a link to where the fields of a dataclass are told."""
    name = next(name for name, other in sections(Config) if other is kind)
    return f"the fields of [`{name}`](#{name.replace('.', '')})"


def _dataclasses_in(kind: Any) -> Iterator[type]:
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        yield kind
    for argument in typing.get_args(kind):
        yield from _dataclasses_in(argument)


_PAGES: dict[str, Callable[[], str]] = {
    "configuration": configuration_page,
    "commands": commands_page,
}


def setup(app: Any) -> None:
    """Fills the pages in when Sphinx reads them."""
    made = {name: functools.cache(make) for name, make in _PAGES.items()}

    def fill_in(app: Any, page: str, source: list[str]) -> None:
        if page in made:
            source[0] = source[0].replace(_MARK, made[page]())

    def read_again(app: Any, *others: Any) -> list[str]:
        # They depend on code, of which Sphinx knows nothing.
        return list(_PAGES)

    app.connect("source-read", fill_in)
    app.connect("env-get-outdated", read_again)

"""Names of models to compare: a long-term part and changes of the configuration."""

from __future__ import annotations

import dataclasses
import re
import typing
from collections.abc import Mapping
from typing import Any

from jsonargparse import ArgumentError, ArgumentParser

from lifelong.models.config import ModelConfig, TrainingConfig
from lifelong.models.gbdt.classifier import GbdtConfig
from lifelong.models.long_term import LONG_TERM_PARTS

GBDT = "gbdt"
_MODEL, _TRAINING = "model", "training"
# A plus sign before a field; one inside a number, as in 1e+3, is no separator.
_SEPARATOR = re.compile(r"\+(?=[A-Za-z_])")
# Of the architecture, what decides the numbers that trees read.
_READ_BY_TREES = ("evidence_length", "statistics")
# What a variant cannot change, and why.
_FIXED = {
    "long_term": "it is the first part of the name",
    "short_length": "the records were made for one window",
    "long_length": "the records were made for one window",
    "training.seed": "the seeds are an option of their own",
    "training.min_count": "the vocabularies were made for one value",
    "training.min_user_count": "the vocabularies were made for one value",
    "training.go_on": "every trial trains a model of its own",
}


@dataclasses.dataclass(frozen=True)
class Variant:
    """A model to train, as a name describes it.

    Attributes:
        name: What was given, the name in tables.
        kind: The long-term part, or `gbdt`.
        model: Architecture; of it, `gbdt` reads which numbers there are.
        training: How it is trained.
        gbdt: How the trees are trained.
    """

    name: str
    kind: str
    model: ModelConfig
    training: TrainingConfig
    gbdt: GbdtConfig


def parse_variant(name: str, model: ModelConfig, training: TrainingConfig) -> Variant:
    """Reads a name such as `eta+time_gap_dim=0+training.epochs=8`.

    Args:
        name: A long-term part or `gbdt`, and fields of `ModelConfig` (`outer.inner` for nested
            ones) or, after `training.`, of `TrainingConfig`, with their values as in YAML; after
            `gbdt`, fields of `GbdtConfig`, `evidence_length` and `statistics`.
        model: The architecture to change.
        training: The training to change.

    Returns:
        The variant.

    Raises:
        ValueError: If the part or a field does not exist, cannot be changed here, or a value does
            not fit its field.
    """
    kind, *changes = _SEPARATOR.split(name)
    kinds = [*LONG_TERM_PARTS, GBDT]
    if kind not in kinds:
        raise ValueError(f"model {name!r}: {kind!r} is unknown; choose from {', '.join(kinds)}")
    choices = _choices(kind)
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(ModelConfig, _MODEL)
    parser.add_class_arguments(TrainingConfig, _TRAINING)
    parser.add_class_arguments(GbdtConfig, GBDT)
    parser.set_defaults({_MODEL: dataclasses.asdict(model)})
    parser.set_defaults({_TRAINING: dataclasses.asdict(training)})
    arguments = [_argument(name, change, choices) for change in changes]
    if kind != GBDT:
        arguments.append(f"--{_MODEL}.long_term={kind}")
    try:
        parsed = parser.instantiate_classes(parser.parse_args(arguments))
    except (ArgumentError, ValueError) as error:
        raise ValueError(f"model {name!r}: {error}") from error
    if parsed.model.evidence_length > model.max_events:
        raise ValueError(
            f"model {name!r}: evidence_length is {parsed.model.evidence_length}, but the records were "
            f"made for a window of {model.max_events} events; take a configuration with "
            f"model.evidence_length {parsed.model.evidence_length} (--config)"
        )
    return Variant(name, kind, parsed.model, parsed.training, parsed.gbdt)


def refuse_refit(command: str, training: TrainingConfig) -> None:
    """Raises a ValueError if a training would go on to the requests that a command measures on."""
    if training.refit:
        raise ValueError(
            f"training.refit is true, but `lifelong {command}` measures on validation requests: set it "
            "to false"
        )


def _choices(kind: str) -> dict[str, str]:
    """Returns the option of each field that may be changed."""
    if kind == GBDT:
        own = {field: f"{GBDT}.{field}" for field in _fields(GbdtConfig) if field != "seed"}
        return own | {field: f"{_MODEL}.{field}" for field in _READ_BY_TREES}
    whole = {field: f"{_MODEL}.{field}" for field in _fields(ModelConfig)}
    whole |= {f"{_TRAINING}.{field}": f"{_TRAINING}.{field}" for field in _fields(TrainingConfig)}
    return {field: option for field, option in whole.items() if field not in _FIXED}


def _argument(name: str, change: str, choices: Mapping[str, str]) -> str:
    """Turns `FIELD=VALUE` into an argument, if it may be changed."""
    field, equals, value = change.partition("=")
    if field in _FIXED:
        raise ValueError(f"model {name!r}: {field} cannot be changed, {_FIXED[field]}")
    if field not in choices:
        raise ValueError(
            f"model {name!r}: {field!r} is not a field; choose from {', '.join(choices)}"
        )
    if not equals:
        raise ValueError(f"model {name!r}: {field} has no value; expected {field}=VALUE")
    return f"--{choices[field]}={value}"


def _fields(kind: Any) -> list[str]:
    """Returns the names of all fields, those of nested dataclasses as `outer.inner`."""
    hints = typing.get_type_hints(kind)
    names = []
    for field in dataclasses.fields(kind):
        nested = hints[field.name]
        inner = _fields(nested) if dataclasses.is_dataclass(nested) else []
        names.extend([f"{field.name}.{name}" for name in inner] or [field.name])
    return names

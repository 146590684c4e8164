"""Says which column of a log becomes which field of a block."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np

from lifelong.data.columns import Columns
from lifelong.data.features import Feature, features_of
from lifelong.data.logs.config import LogColumns, LogConfig


@dataclasses.dataclass(frozen=True)
class Field:
    """A column to read.

    Attributes:
        key: Name in blocks; a feature's name in records.
        column: Name in the log.
        kind: How values are read. A missing `id`, `time` or `label` makes the row unusable, a
            missing feature becomes 0 (`numeric`) or the empty text (`categorical`).
    """

    key: str
    column: str
    kind: Literal["id", "time", "label", "categorical", "numeric"]


def event_features(columns: LogColumns, features: Iterable[Feature]) -> tuple[Feature, ...]:
    """Returns the features of events that a behaviour log gives.

    Args:
        columns: Of the behaviour log; `behavior`, when set, becomes a feature.
        features: Declared features of any owner.

    Returns:
        The event features, the behaviour type first.
    """
    events = tuple(features_of(features, "event"))
    behavior = Feature(name="behavior", of="event", column=columns.behavior)
    if not columns.behavior or behavior in events:
        return events
    return (behavior, *events)


def behavior_fields(log: LogConfig, features: Sequence[Feature]) -> list[Field]:
    """Returns the fields of a behaviour log: its keys and event features."""
    return [*_keys(log), *map(_feature_field, event_features(log.columns, features))]


def impression_fields(log: LogConfig, features: Sequence[Feature]) -> list[Field]:
    """Returns the fields of an impression log: keys, label, request, features of both."""
    columns = log.columns
    fields = [*_keys(log), Field("label", columns.label, "label")]
    if columns.request:
        fields.append(Field("request", columns.request, "id"))
    owned = features_of(features, "candidate") + features_of(features, "request")
    return [*fields, *map(_feature_field, owned)]


def user_fields(log: LogConfig, features: Sequence[Feature]) -> list[Field]:
    """Returns the fields of a user table: the user and user features."""
    user = Field("user", log.columns.user, "id")
    return [user, *map(_feature_field, features_of(features, "user"))]


def no_rows(fields: Sequence[Field]) -> Columns:
    """Returns a block without rows, with the columns and types of these fields."""
    floats = ("label", "numeric")
    return {
        field.key: np.zeros(0, np.float32 if field.kind in floats else np.int64) for field in fields
    }


def _keys(log: LogConfig) -> list[Field]:
    columns = log.columns
    return [
        Field("user", columns.user, "id"),
        Field("item", columns.item, "id"),
        Field("category", columns.category, "id"),
        Field("timestamp", columns.timestamp, "time"),
    ]


def _feature_field(feature: Feature) -> Field:
    return Field(feature.key, feature.source_column, feature.kind)

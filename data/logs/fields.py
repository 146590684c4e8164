"""Says which column of a log becomes which field of a block."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Literal, get_args

import numpy as np

from lifelong.data.columns import Columns
from lifelong.data.features import Feature, Kind, features_of
from lifelong.data.logs.config import Comparison, LogColumns, LogConfig


@dataclasses.dataclass(frozen=True)
class Field:
    """A column to read.

    Attributes:
        key: Name in blocks; a feature's name in records.
        column: Name in the log.
        kind: How values are read. A missing `id`, `time` or `label` makes the row unusable, a
            missing feature becomes 0 (`numeric`), the empty text (`categorical`) or zeros (`vector`).
            `of_item` is no column of the log: the item table tells it.
        is_text: Whether ids or categorical values are text even where they look like numbers.
        at_least: The label is whether the number in the column is at least that; None: the number.
        size: Numbers of a vector.
    """

    key: str
    column: str
    kind: Literal["id", "time", "label", "categorical", "numeric", "vector", "of_item"]
    is_text: bool = False
    at_least: float | None = None
    size: int = 0

    @property
    def is_feature(self) -> bool:
        """Whether it is an extra feature, whose value may be missing."""
        return self.kind in get_args(Kind)

    @property
    def is_in_log(self) -> bool:
        """Whether it is read from a column of the log."""
        return self.kind != "of_item"

    def zeros(self, count: int) -> np.ndarray:
        """Returns `[count]` values of the field's type; of a vector, `[count, size]`."""
        floats = ("label", "numeric", "vector")
        shape = (count, self.size) if self.kind == "vector" else count
        return np.zeros(shape, np.float32 if self.kind in floats else np.int64)


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
    return [*_keys(log), *_feature_fields(log, event_features(log.columns, features))]


def impression_fields(log: LogConfig, features: Sequence[Feature]) -> list[Field]:
    """Returns the fields of an impression log: keys, label, request, features of both."""
    columns = log.columns
    label = Field("label", str(columns.label), "label")
    if isinstance(columns.label, Comparison):
        label = Field("label", columns.label.column, "label", at_least=columns.label.at_least)
    fields = [*_keys(log), label]
    if columns.request:
        fields.append(_id_field("request", columns.request, log))
    owned = features_of(features, "candidate") + features_of(features, "request")
    return [*fields, *_feature_fields(log, owned)]


def user_fields(log: LogConfig, features: Sequence[Feature]) -> list[Field]:
    """Returns the fields of a user table: the user and user features."""
    user = _id_field("user", log.columns.user, log)
    return [user, *_feature_fields(log, features_of(features, "user"))]


def item_fields(log: LogConfig, features: Sequence[Feature]) -> list[Field]:
    """Returns the fields of an item table: the item, its category if there is one, item features."""
    fields = [_id_field("item", log.columns.item, log)]
    category = log.columns.category
    if category:
        # An item without one still has its features.
        fields.append(Field("category", category, "categorical", category in log.text_columns))
    return [*fields, *_feature_fields(log, features_of(features, "item"))]


def no_rows(fields: Sequence[Field]) -> Columns:
    """Returns a block without rows, with the columns and types of these fields."""
    return {field.key: field.zeros(0) for field in fields}


def _keys(log: LogConfig) -> list[Field]:
    columns = log.columns
    category = Field("category", "", "of_item")
    if columns.category:
        category = _id_field("category", columns.category, log)
    return [
        _id_field("user", columns.user, log),
        _id_field("item", columns.item, log),
        category,
        Field("timestamp", columns.timestamp, "time"),
    ]


def _id_field(key: str, column: str, log: LogConfig) -> Field:
    return Field(key, column, "id", is_text=column in log.text_columns)


def _feature_fields(log: LogConfig, features: Iterable[Feature]) -> list[Field]:
    return [
        Field(
            feature.key,
            feature.source_column,
            feature.kind,
            is_text=feature.source_column in log.text_columns,
            size=feature.size,
        )
        for feature in features
    ]

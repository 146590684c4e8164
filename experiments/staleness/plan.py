"""The date of a staleness experiment, the weeks after it, and what was known by then."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from lifelong.data.keys import HISTORY_TIMESTAMP, REQUEST_CANDIDATES, REQUEST_TIMESTAMP
from lifelong.data.times import MONDAY, WEEK, week_of
from lifelong.experiments.data import ExperimentData
from lifelong.models.reader import serialized_records
from lifelong.models.vocabulary_files import ID_KEYS, UNKNOWN

_READ_TOGETHER = 256
_SPLITS = ("train", "validation")
# What an index can lack, whose rows of a table are those of the vocabulary.
_INDEXED = ("item", "category")


@dataclasses.dataclass(frozen=True)
class StalenessPlan:
    """Periods of training requests, by point: the base, then a week each.

    Attributes:
        spans: Unix seconds (start, end) of every point's requests, end excluded.
        requests: How many requests each of them has.
    """

    spans: tuple[tuple[int, int], ...]
    requests: tuple[int, ...]

    @property
    def date(self) -> int:
        """Unix seconds at which the old index was built: the end of the base."""
        return self.spans[0][1]


def training_files(data: ExperimentData) -> list[str]:
    """Returns the file patterns of all requests that models are trained on."""
    return [pattern for split in _SPLITS for pattern in data.transformed_files(split)]


def make_plan(data: ExperimentData, weeks: int) -> StalenessPlan:
    """Sets the date before the last weeks of the training requests.

    Args:
        data: The records.
        weeks: Calendar weeks (Monday to Sunday, UTC) after the date. Weeks without a request do not
            count.

    Raises:
        ValueError: If no week is left before the date.
    """
    times = np.concatenate([records[REQUEST_TIMESTAMP] for records in _read(data)])
    week, requests = np.unique(week_of(times), return_counts=True)
    if weeks >= len(week):
        raise ValueError(
            f"weeks is {weeks}, but the train and validation splits have requests in {len(week)} "
            f"calendar weeks, one of which must lie before the date: at most {len(week) - 1}"
        )
    starts = (week * WEEK + MONDAY).tolist()
    first = len(week) - weeks
    return StalenessPlan(
        spans=(
            (starts[0], starts[first]),
            *((start, start + WEEK) for start in starts[first:]),
        ),
        requests=(int(requests[:first].sum()), *requests[first:].tolist()),
    )


def known_by(data: ExperimentData, date: int, sizes: dict[str, int]) -> dict[str, np.ndarray]:
    """Finds the items and categories that any event or candidate before a date has.

    Args:
        data: The records.
        date: Unix seconds.
        sizes: Rows by vocabulary, the first one that of what is unknown.

    Returns:
        `[rows]` bool by vocabulary; what is unknown counts as known, it has its row in every index.
    """
    known = {name: np.arange(sizes[name]) == UNKNOWN for name in _INDEXED}
    for records in _read(data):
        candidate_times = np.repeat(records[REQUEST_TIMESTAMP], records[REQUEST_CANDIDATES])
        before = {
            "history": records[HISTORY_TIMESTAMP] < date,
            "candidate": candidate_times < date,
        }
        for name, rows in known.items():
            for key in ID_KEYS[name]:
                seen = records[key][before[key.partition("_")[0]]]
                rows[seen] = True
    return known


def _read(data: ExperimentData) -> Iterator[dict[str, np.ndarray]]:
    """Reads the training records, a few at a time, as flat arrays."""
    spec = data.transform_output().transformed_feature_spec()
    keys = [REQUEST_TIMESTAMP, REQUEST_CANDIDATES, HISTORY_TIMESTAMP]
    keys += [key for name in _INDEXED for key in ID_KEYS[name]]
    read: dict[str, Any] = {key: spec[key] for key in keys}
    files: Sequence[str] = training_files(data)
    for records in serialized_records(files).batch(_READ_TOGETHER):
        parsed = tf.io.parse_example(records, read)
        yield {key: values.flat_values.numpy() for key, values in parsed.items()}

"""Counts ids and describes numbers of records, a batch at a time, and writes vocabularies."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Iterator
from typing import Any, cast

import apache_beam as beam
import numpy as np
import pyarrow as pa

from lifelong.components.vocabulary_builder.config import VocabularyConfig
from lifelong.data.keys import CANDIDATE, HISTORY, REQUEST_TIMESTAMP, USER
from lifelong.data.logs.counts import Counts
from lifelong.data.vocabulary import Vocabulary
from lifelong.models.vocabulary_files import (
    ID_KEYS,
    NumberStatistics,
    read_statistics,
    read_vocabulary,
    vocabulary_names,
    write_statistics,
    write_vocabulary,
)

# Batches of ids are joined when they are as many.
_JOINED_TOGETHER = 64


@dataclasses.dataclass(frozen=True)
class Moments:
    """Values of a numeric feature, summed up.

    Attributes:
        count: Number of values.
        mean: Their mean.
        squares: Sum of their squared distances from it.
    """

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0

    @classmethod
    def of(cls, values: np.ndarray) -> Moments:
        """Sums values up, `[...]`."""
        if not values.size:
            return cls()
        values = values.astype(np.float64)
        return cls(values.size, float(values.mean()), float(values.var() * values.size))

    def joined(self, other: Moments) -> Moments:
        """Returns the moments of both, as Chan et al. (1979) add them up."""
        count = self.count + other.count
        if not count:
            return self
        distance = other.mean - self.mean
        share = other.count / count
        return Moments(
            count,
            self.mean + distance * share,
            self.squares + other.squares + distance**2 * self.count * share,
        )

    @property
    def statistics(self) -> NumberStatistics:
        """Mean and standard deviation."""
        return NumberStatistics(self.mean, (self.squares / max(self.count, 1)) ** 0.5)

    def continued(self, earlier: NumberStatistics) -> NumberStatistics:
        """Returns what a model that is trained on has these values standardised with.

        It has learnt to read numbers that are standardised as they were. Where all were equal, they
        were 0 to it: that stays 0, and others are measured by their distance from it.
        """
        if earlier.deviation or not self.count:
            return earlier
        mean, deviation = self.statistics
        return NumberStatistics(earlier.mean, math.hypot(deviation, mean - earlier.mean))


class WriteVocabularies(beam.PTransform):
    """Counts the ids and describes the numbers of records, and writes what a model knows of them.

    Args:
        config: What vocabularies hold.
        folder: Path or URI to write to.
        previous: Path or URI of the vocabularies that these continue; None: there are none.

    Returns:
        A `Counts` per vocabulary: the ids that are `known`, `new` among them, and `too_rare`.
    """

    def __init__(self, config: VocabularyConfig, folder: str, previous: str | None) -> None:
        super().__init__()
        self._config, self._folder, self._previous = config, folder, previous

    def expand(self, batches: beam.PCollection) -> beam.PCollection:
        """Reads Arrow record batches of raw records."""
        config = self._config
        # A vocabulary without any id is one, too.
        none = [(name, Vocabulary.of_none()) for name in vocabulary_names(config.features)]
        numeric = [feature.key for feature in config.features if not feature.is_categorical]
        empty = batches.pipeline | "NoIds" >> beam.Create(none, reshuffle=False)
        _ = (
            batches
            | "SumUp" >> beam.FlatMap(_moments_of_batch, numeric)
            | "Join" >> beam.CombinePerKey(cast(Any, _join_moments))
            | "All" >> beam.combiners.ToDict()
            | "WriteNumbers" >> beam.Map(_write_numbers, self._folder, self._previous)
        )
        counted = batches | "CountIds" >> beam.FlatMap(_ids_of_batch, _counted_keys(config))
        return (
            (counted, empty)
            | beam.Flatten()
            | "AddUp" >> beam.CombinePerKey(_AddUp())
            | "WriteIds" >> beam.Map(write_ids, self._folder, self._previous, config)
        )


def _counted_keys(config: VocabularyConfig) -> dict[str, list[str]]:
    """Returns the keys whose values are counted, by vocabulary; users are counted apart."""
    owners = (HISTORY, CANDIDATE) if config.candidates_are_logged else (HISTORY,)
    counted = {
        name: [key for key in keys if key.startswith(owners)]
        for name, keys in ID_KEYS.items()
        if name != USER
    }
    features = [feature.key for feature in config.features if feature.is_categorical]
    return counted | {key: [key] for key in features}


def _ids_of_batch(
    batch: pa.RecordBatch, keys: dict[str, list[str]]
) -> Iterator[tuple[str, Vocabulary]]:
    for name, columns in keys.items():
        ids = np.concatenate([_values(batch, column) for column in columns])
        yield name, Vocabulary(*np.unique(ids, return_counts=True))
    # What a user's row is trained by is requests.
    requests = batch.column(batch.schema.get_field_index(REQUEST_TIMESTAMP)).value_lengths()
    users = np.repeat(_values(batch, USER), requests.fill_null(0).to_numpy())
    yield USER, Vocabulary(*np.unique(users, return_counts=True))


def _moments_of_batch(batch: pa.RecordBatch, keys: list[str]) -> Iterator[tuple[str, Moments]]:
    for key in keys:
        yield key, Moments.of(_values(batch, key))


def _values(batch: pa.RecordBatch, key: str) -> np.ndarray:
    return batch.column(batch.schema.get_field_index(key)).flatten().to_numpy()


def _join_moments(parts: Iterable[Moments]) -> Moments:
    joined = Moments()
    for part in parts:
        joined = joined.joined(part)
    return joined


class _AddUp(beam.CombineFn):
    """Adds counts up; batches wait until many can be joined at once."""

    def create_accumulator(self) -> list[Vocabulary]:
        return []

    def add_input(self, waiting: list[Vocabulary], counted: Vocabulary) -> list[Vocabulary]:
        waiting.append(counted)
        return self.compact(waiting) if len(waiting) >= _JOINED_TOGETHER else waiting

    def merge_accumulators(self, parts: Iterable[list[Vocabulary]]) -> list[Vocabulary]:
        return self.compact([counted for part in parts for counted in part])

    def compact(self, waiting: list[Vocabulary]) -> list[Vocabulary]:
        if len(waiting) < 2:
            return waiting
        ids, place = np.unique(np.concatenate([part.ids for part in waiting]), return_inverse=True)
        counts = np.zeros(len(ids), np.int64)
        np.add.at(counts, place, np.concatenate([part.counts for part in waiting]))
        return [Vocabulary(ids, counts)]

    def extract_output(self, waiting: list[Vocabulary]) -> Vocabulary:
        return next(iter(self.compact(waiting)), Vocabulary.of_none())


def write_ids(
    named: tuple[str, Vocabulary], folder: str, previous: str | None, config: VocabularyConfig
) -> Counts:
    """Writes a vocabulary that continues a previous one.

    Args:
        named: Its name, and what was counted.
        folder: Path or URI to write to.
        previous: Path or URI of the vocabularies that these continue; None: there are none.
        config: From how many occurrences on an id is known.

    Returns:
        How many ids are `known`, `new` among them, and `too_rare`.
    """
    name, counted = named
    earlier = read_vocabulary(previous, name) if previous else Vocabulary.of_none()
    vocabulary = earlier.updated(counted, config.least_count(name))
    write_vocabulary(folder, name, vocabulary)
    return Counts(
        {
            f"{name}/known": len(vocabulary.ids),
            f"{name}/new": len(vocabulary.ids) - len(earlier.ids),
            f"{name}/too_rare": int((~vocabulary.knows(counted.ids)).sum()),
        }
    )


def _write_numbers(moments: dict[str, Moments], folder: str, previous: str | None) -> None:
    earlier = read_statistics(previous) if previous else {}
    write_statistics(
        folder,
        {
            key: of_feature.continued(earlier[key]) if key in earlier else of_feature.statistics
            for key, of_feature in moments.items()
        },
    )

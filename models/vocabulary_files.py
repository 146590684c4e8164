"""The files of a vocabulary artifact: ids with their counts, and statistics of numeric features.

Transform copies the ids' files into its graph, so that every SavedModel brings its own along.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple

import tensorflow as tf
import tensorflow_transform as tft

from lifelong.data.features import Feature
from lifelong.data.keys import (
    CANDIDATE_CATEGORY,
    CANDIDATE_CATEGORY_ID,
    CANDIDATE_ITEM,
    CANDIDATE_ITEM_ID,
    HISTORY_CATEGORY,
    HISTORY_CATEGORY_ID,
    HISTORY_ITEM,
    HISTORY_ITEM_ID,
)
from lifelong.data.vocabulary import Vocabulary

# What a candidate, an event or a user is identified by, and the keys that hold it.
ID_KEYS: dict[str, tuple[str, ...]] = {
    "item": (HISTORY_ITEM, CANDIDATE_ITEM),
    "category": (HISTORY_CATEGORY, CANDIDATE_CATEGORY),
    "user": ("user",),
}
# The raw ids that items and categories keep beside their rows.
RAW_IDS = {
    HISTORY_ITEM_ID: HISTORY_ITEM,
    HISTORY_CATEGORY_ID: HISTORY_CATEGORY,
    CANDIDATE_ITEM_ID: CANDIDATE_ITEM,
    CANDIDATE_CATEGORY_ID: CANDIDATE_CATEGORY,
}
# The row of what is not in a vocabulary.
UNKNOWN = 0
_STATISTICS_FILE = "numeric_features.json"


class NumberStatistics(NamedTuple):
    """What a numeric feature is standardised with.

    Attributes:
        mean: Of the training split that first had the feature.
        deviation: Standard deviation; 0 where all values were equal.
    """

    mean: float
    deviation: float


def vocabulary_names(features: tuple[Feature, ...]) -> list[str]:
    """Returns the names of all vocabularies: those of ids and of categorical features."""
    return [*ID_KEYS, *(feature.key for feature in features if feature.is_categorical)]


def vocabulary_path(folder: str, name: str) -> str:
    """Returns the path or URI of a vocabulary's file, which Transform keeps the name of."""
    return f"{folder}/{name}.tsv"


def write_vocabulary(folder: str, name: str, vocabulary: Vocabulary) -> None:
    """Writes a vocabulary into an artifact."""
    with tf.io.gfile.GFile(vocabulary_path(folder, name), "wb") as file:
        file.write(vocabulary.to_tsv())


def read_vocabulary(folder: str, name: str) -> Vocabulary:
    """Reads a vocabulary of an artifact; that of a feature which is new there knows no id.

    Raises:
        FileNotFoundError: If the folder holds no vocabularies.
    """
    path = vocabulary_path(folder, name)
    if not tf.io.gfile.exists(path):
        if name in ID_KEYS:
            raise FileNotFoundError(f"{folder} holds no vocabularies: {name}.tsv is missing")
        return Vocabulary.of_none()
    return _read(path)


def transforms_vocabulary(transform_output: tft.TFTransformOutput, name: str) -> Vocabulary:
    """Reads the vocabulary that Transform's graph looks ids up in.

    Raises:
        ValueError: If the graph has none of that name.
    """
    path = transform_output.vocabulary_file_by_name(name)
    if path is None:
        raise ValueError(
            f"Transform's graph has no vocabulary {name!r}: it was made for other features; run "
            "`lifelong run` again"
        )
    return _read(path)


def write_statistics(folder: str, statistics: Mapping[str, NumberStatistics]) -> None:
    """Writes the statistics of numeric features, by their keys, into an artifact."""
    with tf.io.gfile.GFile(f"{folder}/{_STATISTICS_FILE}", "w") as file:
        file.write(json.dumps({key: value._asdict() for key, value in statistics.items()}))


def read_statistics(folder: str) -> dict[str, NumberStatistics]:
    """Reads the statistics of numeric features, by their keys, of an artifact."""
    with tf.io.gfile.GFile(f"{folder}/{_STATISTICS_FILE}") as file:
        return {key: NumberStatistics(**value) for key, value in json.load(file).items()}


def _read(path: str) -> Vocabulary:
    with tf.io.gfile.GFile(path, "rb") as file:
        return Vocabulary.from_tsv(file.read())

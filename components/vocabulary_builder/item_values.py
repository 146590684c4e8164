"""Counts the ids and describes the numbers of an item table, a column at a time."""

from __future__ import annotations

import numpy as np

from lifelong.components.vocabulary_builder.config import VocabularyConfig
from lifelong.components.vocabulary_builder.counting import Moments, write_ids
from lifelong.data.item_table import StoredItems, items_path
from lifelong.data.logs.counts import Counts
from lifelong.data.vocabulary import Vocabulary
from lifelong.models.vocabulary_files import NumberStatistics, read_statistics, write_statistics


def add_item_values(
    config: VocabularyConfig, table: str, folder: str, previous: str | None
) -> Counts:
    """Adds vocabularies and statistics of item features to those of the records.

    Args:
        config: Names the features.
        table: Path or URI of the item table.
        folder: Path or URI of the vocabularies, where those of the records are already.
        previous: Path or URI of the vocabularies that these continue; None: there are none.

    Returns:
        Per vocabulary the ids that are `known`, `new` among them, and `too_rare` (none).
    """
    counts = Counts()
    items = StoredItems(items_path(table))
    statistics = read_statistics(folder)
    earlier = read_statistics(previous) if previous else {}
    for feature in config.item_features:
        key = feature.key
        column = items[key]
        if feature.is_categorical:
            counted = Vocabulary(*np.unique(column, return_counts=True))
            counts.update(write_ids((key, counted), folder, previous, config))
        elif feature.kind == "vector":
            squares = np.einsum("ij,ij->i", column, column, dtype=np.float64)
            # Items without a vector have zeros.
            length = float(np.sqrt(squares[squares > 0].mean())) if squares.any() else 0.0
            statistics[key] = earlier.get(key, NumberStatistics(0.0, length))
        else:
            statistics[key] = earlier.get(key, Moments.of(column).statistics)
    write_statistics(folder, statistics)
    return counts

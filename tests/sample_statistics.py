"""Statistics of small logs, counted in this process."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lifelong.components.behavior_example_gen.config import IngestConfig
from lifelong.data import columns as cols
from lifelong.data.columns import Columns
from lifelong.data.day_statistics import (
    DayStatistics,
    count_days,
    part_path,
    write_part,
)
from lifelong.data.events import sort_events
from lifelong.data.hashing import shard_of
from lifelong.data.keys import STATISTICS_COLUMNS
from lifelong.data.logs.fields import no_rows
from lifelong.data.logs.reading import read_all
from lifelong.data.newest_statistics import Newest


def statistics_of(rows: Columns, folder: Path, parts: int = 1) -> DayStatistics:
    """Returns the statistics of rows of a log, in any order, which it writes into a folder."""
    events, _ = sort_events(rows)
    counts = count_days(events)
    for number in range(parts):
        part = {
            kind: cols.take(block, shard_of(block["id"], parts) == number)
            for kind, block in counts.items()
        }
        write_part(part, part_path(str(folder), number, parts))
    return DayStatistics(str(folder))


def write_statistics(config: IngestConfig, folder: Path) -> str:
    """Writes the statistics of a behaviour log into a folder and returns its path."""
    fields = config.fields_of("behaviors")
    batches = read_all(config.behaviors, fields, "behaviors", config.read_categories())
    statistics_of(cols.concat([no_rows(fields), *(batch.block for batch in batches)]), folder)
    return str(folder)


def random_statistics(items: int = 60, categories: int = 6, time: int = 0) -> Newest:
    """Returns counts of the ids 0, 1, ... as of a time."""
    rng = np.random.default_rng(5)

    def counts(ids: int) -> np.ndarray:
        return np.sort(rng.integers(0, 500, (ids, len(STATISTICS_COLUMNS))), axis=1)

    ids = np.arange(items), np.arange(categories)
    return Newest(time, ids[0], counts(items), ids[1], counts(categories), 100 * counts(1)[0])

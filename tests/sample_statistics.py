"""Statistics of small logs, counted in this process."""

from __future__ import annotations

from pathlib import Path

from lifelong.components.behavior_example_gen.config import IngestConfig
from lifelong.data import columns as cols
from lifelong.data.columns import Columns
from lifelong.data.day_statistics import DayStatistics, count_days, part_path, write_part
from lifelong.data.events import sort_events
from lifelong.data.logs.reading import read_all


def statistics_of(rows: Columns, folder: Path) -> DayStatistics:
    """Returns the statistics of rows of a log, in any order, which it writes into a folder."""
    events, _ = sort_events(rows)
    write_part(count_days(events), part_path(str(folder), 0, 1))
    return DayStatistics(str(folder))


def write_statistics(config: IngestConfig, folder: Path) -> str:
    """Writes the statistics of a behaviour log into a folder and returns its path."""
    batches = read_all(
        config.behaviors, config.fields_of("behaviors"), "behaviors", config.read_categories()
    )
    statistics_of(cols.concat([batch.block for batch in batches]), folder)
    return str(folder)

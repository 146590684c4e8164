"""The Beam transform: a behaviour log in, counts by item, category and day out."""

from __future__ import annotations

import collections
import functools
from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
from tfx.dsl.io import fileio

from lifelong.components.day_statistics.config import DayStatisticsConfig
from lifelong.components.log_reading.counting import COUNTS, CountingDoFn, SumCounts
from lifelong.components.log_reading.read_logs import BLOCKS, ReadLogs, Table
from lifelong.data import columns as cols
from lifelong.data.columns import Columns
from lifelong.data.day_statistics import (
    CATEGORY,
    ITEM,
    KINDS,
    TOTAL,
    add_up,
    count_days,
    part_path,
    write_part,
)
from lifelong.data.events import sort_events
from lifelong.data.hashing import shard_of
from lifelong.data.logs.counts import Counts

METRICS_NAMESPACE = "lifelong.day_statistics"
LOG = "behaviors"


class CountDays(beam.PTransform):
    """Reads a behaviour log and writes the counts of its distinct events.

    Users are divided into shards and counted; of different users, counts add up. The sums are divided
    by their ids into the parts that are written.

    Applied to a pipeline, it returns a PCollection with a single `Counter` of everything read, dropped
    and counted.
    """

    def __init__(self, config: DayStatisticsConfig, folder: str):
        """Finds the files.

        Args:
            config: What to count.
            folder: Path or URI of the counts; it is there.

        Raises:
            ValueError: A file cannot be used.
            FileNotFoundError: A glob matches no file.
        """
        super().__init__()
        self._config = config
        self._folder = folder
        self._read = ReadLogs(
            {LOG: Table(config.behaviors, config.fields)},
            functools.partial(shard_of, shards=config.shards),
            METRICS_NAMESPACE,
            config.items,
        )

    def expand(self, pipeline: beam.Pipeline) -> beam.PCollection:
        """Builds the graph."""
        parts = self._config.parts
        read = pipeline | "ReadLogs" >> self._read
        counted = (
            read[BLOCKS]
            | "GroupUsers" >> beam.GroupByKey()
            | "Count" >> beam.ParDo(_Count(parts)).with_outputs(COUNTS, main="counted")
        )
        # A part without ids is written, too.
        every_part = pipeline | "EveryPart" >> beam.Create(
            [(number, (TOTAL, add_up([]))) for number in range(parts)]
        )
        written = (
            (every_part, counted["counted"])
            | "AllCounts" >> beam.Flatten()
            | "GroupIds" >> beam.GroupByKey()
            | "Write" >> beam.ParDo(_Write(self._folder, parts)).with_outputs(COUNTS)
        )
        return (read[COUNTS], counted[COUNTS], written[COUNTS]) | "SumCounts" >> SumCounts()


@beam.typehints.with_output_types(beam.typehints.Tuple[int, beam.typehints.Any])
class _Count(CountingDoFn):
    """Counts the events of a shard of users and divides the counts by their ids."""

    def __init__(self, parts: int):
        super().__init__(METRICS_NAMESPACE)
        self._parts = parts

    def process(self, element: tuple[int, Iterable[tuple[str, Columns]]]) -> Iterator[Any]:
        block = cols.unpack(cols.concat([block for _, block in element[1]]))
        counts: Counts = collections.Counter()
        events, counts[f"{LOG}/duplicates"] = sort_events(block)
        counts[f"{LOG}/events"] = cols.length(events)
        counts[f"{LOG}/users"] = len(cols.run_starts(events["user"]))
        for kind, counted in count_days(events).items():
            for number, part in cols.split_by(
                cols.pack(counted), shard_of(counted["id"], self._parts)
            ):
                yield number, (kind, part)
        yield self.count(counts)


@beam.typehints.with_output_types(beam.typehints.Any)
class _Write(CountingDoFn):
    """Adds up the counts of a part's ids and writes them."""

    def __init__(self, folder: str, parts: int):
        super().__init__(METRICS_NAMESPACE)
        self._folder = folder
        self._parts = parts

    def process(self, element: tuple[int, Iterable[tuple[str, Columns]]]) -> Iterator[Any]:
        number, blocks = element
        by_kind: dict[str, list[Columns]] = {kind: [] for kind in KINDS}
        for kind, block in blocks:
            by_kind[kind].append(cols.unpack(block))
        counted = {kind: add_up(parts) for kind, parts in by_kind.items()}
        path = part_path(self._folder, number, self._parts)
        # Under its name a file is whole, though a bundle of work is done twice.
        write_part(counted, f"{path}.unfinished")
        fileio.rename(f"{path}.unfinished", path, overwrite=True)
        yield self.count(
            collections.Counter(
                {
                    f"{LOG}/items": len(cols.run_starts(counted[ITEM]["id"])),
                    f"{LOG}/categories": len(cols.run_starts(counted[CATEGORY]["id"])),
                }
            )
        )

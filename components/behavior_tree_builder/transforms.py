"""The Beam transform: a behaviour log in, the shards of a behaviour store out."""

from __future__ import annotations

import collections
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam

from lifelong.components.behavior_tree_builder.config import TreeConfig
from lifelong.components.behavior_tree_builder.store_files import put_shard
from lifelong.components.log_reading.counting import COUNTS, CountingDoFn, SumCounts
from lifelong.components.log_reading.read_logs import BLOCKS, ReadLogs, Table
from lifelong.data import columns as cols
from lifelong.data.columns import Columns
from lifelong.data.keys import event_column
from lifelong.data.logs.counts import Counts
from lifelong.data.logs.fields import no_rows
from lifelong.serving.behavior_store import Manifest, Retention
from lifelong.serving.behavior_store.lmdb_store import build_shard
from lifelong.serving.behavior_store.packed_user import PackedUser, pack_tree
from lifelong.serving.behavior_store.store import by_user
from lifelong.serving.behavior_store.tree_edit import distinct, is_kept

METRICS_NAMESPACE = "lifelong.behavior_tree_builder"
LOG = "behaviors"


class BuildTrees(beam.PTransform):
    """Reads a behaviour log and builds every shard of a store.

    Work and memory grow with the events; a worker holds one shard at a time. A shard appears in the
    store when it is whole, so that a bundle of work may be done again.

    Applied to a pipeline, it returns a PCollection with a single `Counter` of everything read,
    dropped and stored.
    """

    def __init__(self, config: TreeConfig, manifest: Manifest, uri: str, now: int):
        """Finds the files.

        Args:
            config: What to build.
            manifest: Of the store.
            uri: Path or URI of the store.
            now: Current time, Unix seconds. Ages are counted from the newest event, but from no
                later time than this: else a single wrong time would age all others.

        Raises:
            ValueError: The configuration or a file cannot be used.
            FileNotFoundError: A glob matches no file.
        """
        super().__init__()
        config.validate()
        self._shards = [(number, (LOG, no_rows(config.fields))) for number in range(config.shards)]
        self._read = ReadLogs(
            {LOG: Table(config.behaviors, config.fields)},
            manifest.shard_of,
            METRICS_NAMESPACE,
            config.items,
        )
        self._build = _Build(config.retention, manifest, uri, now)

    def expand(self, pipeline: beam.Pipeline) -> beam.PCollection:
        """Builds the graph."""
        read = pipeline | "ReadLogs" >> self._read
        newest = read[BLOCKS] | "Newest" >> beam.Map(_newest) | beam.CombineGlobally(_latest)
        # A shard without users is built, too.
        every_shard = pipeline | "EveryShard" >> beam.Create(self._shards)
        built = (
            (every_shard, read[BLOCKS])
            | "AllBlocks" >> beam.Flatten()
            | "GroupUsers" >> beam.GroupByKey()
            | "Build"
            >> beam.ParDo(self._build, beam.pvalue.AsSingleton(newest)).with_outputs(COUNTS)
        )
        return (read[COUNTS], built[COUNTS]) | "SumCounts" >> SumCounts()


def _newest(element: tuple[int, tuple[str, Columns]]) -> int:
    return int(element[1][1]["timestamp"].max(initial=0))


def _latest(times: Iterable[int]) -> int:
    return max(times, default=0)


@beam.typehints.with_output_types(beam.typehints.Any)
class _Build(CountingDoFn):
    """Builds a shard on this worker's disk and moves it into the store."""

    def __init__(self, retention: Retention, manifest: Manifest, uri: str, now: int):
        super().__init__(METRICS_NAMESPACE)
        self._retention = retention
        self._manifest = manifest
        self._uri = uri
        self._now = now

    def process(
        self, element: tuple[int, Iterable[tuple[str, Columns]]], newest: int
    ) -> Iterator[Any]:
        number, parts = element
        block = cols.unpack(cols.concat([block for _, block in parts]))
        columns = {event_column(key): column for key, column in block.items()}
        counts: Counts = collections.Counter()
        with tempfile.TemporaryDirectory() as folder:
            users = self._pack(columns, min(newest, self._now), counts)
            counts["store/events"] = build_shard(Path(folder), self._manifest, number, users)
            counts["store/bytes"] = put_shard(Path(folder), number, self._uri)
        yield self.count(counts)

    def _pack(self, columns: Columns, now: int, counts: Counts) -> Iterator[PackedUser]:
        for user, events in by_user(columns):
            events, repeated = distinct(events)
            kept = is_kept(events, self._retention, now)
            counts[f"{LOG}/duplicates"] += repeated
            counts["store/events_not_kept"] += int((~kept).sum())
            if kept.any():
                counts["store/users"] += 1
                yield pack_tree(user, cols.take(events, kept), self._manifest.block_size)

"""Counts what a Beam pipeline reads, drops and writes, and hands the sums on as JSON."""

from __future__ import annotations

import collections
import json
from collections.abc import Iterable

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems
from apache_beam.metrics import Metrics

from lifelong.data.logs.counts import COUNTS_FILE, Counts

COUNTS = "counts"


class CountingDoFn(beam.DoFn):
    """Emits counts to the output `COUNTS` and to Beam's metrics.

    Args:
        namespace: Of the metrics.
    """

    def __init__(self, namespace: str):
        self._namespace = namespace

    def count(self, counts: Counts) -> beam.pvalue.TaggedOutput:
        """Returns what the DoFn has to yield so that these are counted."""
        for name, number in counts.items():
            Metrics.counter(self._namespace, name).inc(number)
        return beam.pvalue.TaggedOutput(COUNTS, counts)


class SumCounts(beam.PTransform):
    """Adds up the counts of several steps: a PCollection with a single `Counter`."""

    def expand(self, parts: tuple[beam.PCollection, ...]) -> beam.PCollection:
        """Builds the graph."""
        return parts | beam.Flatten() | beam.CombineGlobally(_sum)


class WriteCounts(beam.PTransform):
    """Writes summed counts as JSON.

    Args:
        folder: Path or URI; the file in it is `COUNTS_FILE`.
    """

    def __init__(self, folder: str):
        super().__init__()
        self._path = f"{folder}/{COUNTS_FILE}"

    def expand(self, counts: beam.PCollection) -> beam.PCollection:
        """Builds the graph."""
        lines = counts | "CountsToJson" >> beam.Map(_to_json)
        return lines | beam.io.WriteToText(self._path, num_shards=1, shard_name_template="")


def read_counts(folder: str) -> Counts:
    """Returns what `WriteCounts` wrote into a folder."""
    with FileSystems.open(f"{folder}/{COUNTS_FILE}") as file:
        return collections.Counter(json.loads(file.read()))


def _sum(parts: Iterable[Counts]) -> Counts:
    total: Counts = collections.Counter()
    for part in parts:
        total.update(part)
    return total


def _to_json(counts: Counts) -> str:
    return json.dumps(counts, indent=2, sort_keys=True)

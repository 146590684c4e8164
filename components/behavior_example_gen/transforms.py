"""The Beam transform: logs in, serialised per-user records, quarantined rows and counts out."""

from __future__ import annotations

import collections
import dataclasses
import json
from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
from apache_beam.metrics import Metrics
from tfx_bsl.coders import example_coder

from lifelong.components.behavior_example_gen import events as ev
from lifelong.components.behavior_example_gen import log_reader, negatives, sampling, shard
from lifelong.components.behavior_example_gen.config import SPLITS, IngestConfig
from lifelong.components.behavior_example_gen.fields import fields_of
from lifelong.components.behavior_example_gen.log_reader import LogFile, ReadTask
from lifelong.components.behavior_example_gen.requests import Counts

METRICS_NAMESPACE = "lifelong.behavior_example_gen"
BAD, COUNTS, OFFERS = "bad", "counts", "offers"


class Ingest(beam.PTransform):
    """Reads the logs of a configuration and makes records.

    Applied to a pipeline, it returns a dictionary: for each of `SPLITS` a PCollection of serialised
    `tf.train.Example`s; under `BAD` one of quarantined rows as JSON text; under `COUNTS` one with a
    single `Counter` of everything read, dropped and written.
    """

    def __init__(self, config: IngestConfig):
        """Checks the configuration and finds the files.

        Args:
            config: What to read and make.

        Raises:
            ValueError: The configuration or a file cannot be used.
            FileNotFoundError: A glob matches no file.
        """
        super().__init__()
        config.validate()
        self._config = config
        self._files = [
            (name, file)
            for name, log in config.logs.items()
            for file in log_reader.log_files(log, fields_of(config, name), name)
        ]

    def expand(self, pipeline: beam.Pipeline) -> dict[str, beam.PCollection]:
        """Builds the graph."""
        config = self._config
        read = (
            pipeline
            | "Files" >> beam.Create(self._files)
            | "PlanReading" >> beam.FlatMap(_plan)
            | "SpreadReading" >> beam.Reshuffle()
            | "Read" >> beam.ParDo(_Read(config)).with_outputs(BAD, COUNTS, main="blocks")
        )
        organised = (
            read["blocks"]
            | "GroupUsers" >> beam.GroupByKey()
            | "Organise"
            >> beam.ParDo(_Organise(config)).with_outputs(OFFERS, COUNTS, main="shards")
        )
        shared = organised[OFFERS] | "Share" >> beam.CombineGlobally(_Share(config))
        written = organised["shards"] | "Write" >> beam.ParDo(
            _Write(config), beam.pvalue.AsSingleton(shared)
        ).with_outputs(*SPLITS, COUNTS)
        counts = (
            (read[COUNTS], organised[COUNTS], written[COUNTS])
            | "AllCounts" >> beam.Flatten()
            | "SumCounts" >> beam.CombineGlobally(_sum_counts)
        )
        splits = {
            split: written[split] | f"Typed[{split}]" >> beam.Map(_same).with_output_types(bytes)
            for split in SPLITS
        }
        bad = read[BAD] | "TypedBad" >> beam.Map(_same).with_output_types(str)
        return {**splits, BAD: bad, COUNTS: counts}


def _same(element: Any) -> Any:
    """Gives elements of a tagged output a type, and so a coder."""
    return element


def _plan(element: tuple[str, LogFile]) -> Iterator[tuple[str, ReadTask]]:
    name, file = element
    for task in log_reader.read_tasks(file):
        yield name, task


class _Counting(beam.DoFn):
    """Emits counts to the counts output and to Beam's metrics."""

    def __init__(self, config: IngestConfig):
        self._config = config

    def _count(self, counts: Counts) -> beam.pvalue.TaggedOutput:
        for name, number in counts.items():
            Metrics.counter(METRICS_NAMESPACE, name).inc(number)
        return beam.pvalue.TaggedOutput(COUNTS, counts)


@beam.typehints.with_output_types(beam.typehints.Tuple[int, beam.typehints.Any])
class _Read(_Counting):
    """Reads part of a file and divides its rows into shards."""

    def process(self, element: tuple[str, ReadTask]) -> Iterator[Any]:
        name, task = element
        log = self._config.logs[name]
        counts: Counts = collections.Counter()
        for batch in log_reader.read_blocks(task, log, fields_of(self._config, name)):
            counts[f"{name}/rows"] += ev.length(batch.block) + len(batch.bad)
            for row in batch.bad:
                counts[f"{name}/bad_rows/{row.reason}"] += 1
                text = json.dumps({"log": name, **dataclasses.asdict(row)})
                yield beam.pvalue.TaggedOutput(BAD, text)
            for key, number in batch.missing.items():
                counts[f"{name}/missing/{key}"] += number
            numbers = shard.shard_of(batch.block["user"], self._config)
            for number, block in ev.split_by(ev.pack(batch.block), numbers):
                yield number, (name, block)
        yield self._count(counts)


@beam.typehints.with_output_types(beam.typehints.Any)
class _Organise(_Counting):
    """Sorts a shard and offers its part of what all shards share."""

    def process(self, element: tuple[int, Iterable[Any]]) -> Iterator[Any]:
        config = self._config
        organised, counts = shard.organise(element[1], config)
        draws = config.impressions is None and config.requests.negatives > 0
        pools = negatives.pools_of(organised.events, config) if draws else {}
        rows = organised.requests.rows
        hashes = sampling.smallest_hashes(rows["split"], rows["hash"], config.splits)
        yield beam.pvalue.TaggedOutput(OFFERS, (pools, hashes))
        yield self._count(counts)
        yield organised.map_blocks(ev.pack)


Offer = tuple[negatives.PartialPools, sampling.Smallest]
Shared = tuple[negatives.NegativePools, sampling.Smallest]


class _Share(beam.CombineFn):
    """Joins what the shards offer: their pools of negatives and their smallest request hashes."""

    def __init__(self, config: IngestConfig):
        self._config = config

    def create_accumulator(self) -> list[Offer]:
        return []

    def add_input(self, accumulator: list[Offer], element: Offer) -> list[Offer]:
        accumulator.append(element)
        # Joining costs a copy: not for every element, but often enough to bound memory.
        return self.compact(accumulator) if len(accumulator) >= 16 else accumulator

    def merge_accumulators(self, accumulators: Iterable[list[Offer]]) -> list[Offer]:
        return self.compact([offer for accumulator in accumulators for offer in accumulator])

    def compact(self, accumulator: list[Offer]) -> list[Offer]:
        pools = [pools for pools, _ in accumulator]
        hashes = [hashes for _, hashes in accumulator]
        return [
            (
                negatives.merge_pools(pools, self._config.negative_pool_size),
                sampling.merge_smallest(hashes, self._config.splits),
            )
        ]

    def extract_output(self, accumulator: list[Offer]) -> Shared:
        ((pools, hashes),) = self.compact(accumulator)
        return negatives.NegativePools.build(pools), hashes


@beam.typehints.with_output_types(beam.typehints.Any)
class _Write(_Counting):
    """Completes a shard's requests and serialises its records."""

    def setup(self) -> None:
        self._encoder = example_coder.RecordBatchToExamplesEncoder()

    def process(self, part: shard.Shard, shared: Shared) -> Iterator[Any]:
        part = part.map_blocks(ev.unpack)
        whole, counts = shard.complete(part, *shared, self._config)
        batches, more = shard.write(part, whole, self._config)
        counts.update(more)
        for split in batches:
            for batch in batches[split]:
                for record in self._encoder.encode(batch):
                    yield beam.pvalue.TaggedOutput(split, record)
        yield self._count(counts)


def _sum_counts(parts: Iterable[Counts]) -> Counts:
    total: Counts = collections.Counter()
    for part in parts:
        total.update(part)
    return total

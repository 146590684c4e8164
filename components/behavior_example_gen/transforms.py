"""The Beam transform: logs in, serialised per-user records, quarantined rows and counts out."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
from apache_beam.utils.shared import Shared as HeldByWorker
from tfx_bsl.coders import example_coder

from lifelong.components.behavior_example_gen import agreement, negatives, sampling, shard
from lifelong.components.behavior_example_gen.config import IngestConfig
from lifelong.components.log_reading.counting import COUNTS, CountingDoFn, SumCounts
from lifelong.components.log_reading.read_logs import BAD, BLOCKS, ReadLogs, Table
from lifelong.data import columns as cols
from lifelong.data.day_statistics import DayStatistics
from lifelong.data.hashing import shard_of
from lifelong.data.keys import SPLITS

METRICS_NAMESPACE = "lifelong.behavior_example_gen"
OFFERS, KNOWN = "offers", "known"


class Ingest(beam.PTransform):
    """Reads the logs of a configuration and makes records.

    Applied to a pipeline, it returns a dictionary: for each of `SPLITS` a PCollection of serialised
    `tf.train.Example`s; under `BAD` one of quarantined rows as JSON text; under `COUNTS` one with a
    single `Counter` of everything read, dropped and written.
    """

    def __init__(self, config: IngestConfig, day_statistics: str):
        """Checks the configuration and finds the files.

        Args:
            config: What to read and make.
            day_statistics: Path or URI of the statistics of the same behaviour log.

        Raises:
            ValueError: The configuration or a file cannot be used.
            FileNotFoundError: A glob matches no file.
        """
        super().__init__()
        config.validate()
        self._config = config
        self._write = _Write(config, day_statistics)
        self._read = ReadLogs(
            {name: Table(log, config.fields_of(name)) for name, log in config.logs.items()},
            functools.partial(shard_of, shards=config.shards, seed=config.seed),
            METRICS_NAMESPACE,
            config.category_table,
        )

    def expand(self, pipeline: beam.Pipeline) -> dict[str, beam.PCollection]:
        """Builds the graph."""
        config = self._config
        read = pipeline | "ReadLogs" >> self._read
        organised = (
            read[BLOCKS]
            | "GroupUsers" >> beam.GroupByKey()
            | "Organise"
            >> beam.ParDo(_Organise(config)).with_outputs(OFFERS, COUNTS, main="shards")
        )
        shared = organised[OFFERS] | "Share" >> beam.CombineGlobally(_Share(config))
        written = organised["shards"] | "Write" >> beam.ParDo(
            self._write, beam.pvalue.AsSingleton(shared)
        ).with_outputs(*SPLITS, COUNTS, KNOWN)
        parts = [read[COUNTS], organised[COUNTS], written[COUNTS]]
        if config.impressions is not None:
            known = written[KNOWN] | "MergeKnown" >> beam.CombineGlobally(agreement.merge_known)
            parts.append(known | "CountKnown" >> beam.Map(agreement.count_known))
        counts = tuple(parts) | "SumCounts" >> SumCounts()
        splits = {
            split: written[split] | f"Typed[{split}]" >> beam.Map(_same).with_output_types(bytes)
            for split in SPLITS
        }
        bad = read[BAD] | "TypedBad" >> beam.Map(_same).with_output_types(str)
        return {**splits, BAD: bad, COUNTS: counts}


def _same(element: Any) -> Any:
    """Gives elements of a tagged output a type, and so a coder."""
    return element


class _Step(CountingDoFn):
    """A step that makes what a configuration says."""

    def __init__(self, config: IngestConfig):
        super().__init__(METRICS_NAMESPACE)
        self._config = config


@beam.typehints.with_output_types(beam.typehints.Any)
class _Organise(_Step):
    """Sorts a shard and offers its part of what all shards share."""

    def process(self, element: tuple[int, Iterable[Any]]) -> Iterator[Any]:
        config = self._config
        organised, counts = shard.organise(element[1], config)
        draws = config.impressions is None and config.requests.negatives > 0
        pools = negatives.pools_of(organised.events, config) if draws else {}
        rows = organised.requests.rows
        hashes = sampling.smallest_hashes(rows["split"], rows["hash"], config.splits)
        shown: agreement.Shown = {}
        if config.impressions is not None:
            shown = agreement.shown_in(organised.requests, config.seed)
        yield beam.pvalue.TaggedOutput(OFFERS, (pools, hashes, shown))
        yield self.count(counts)
        yield organised.map_blocks(cols.pack)


Offer = tuple[negatives.PartialPools, sampling.Smallest, agreement.Shown]
Shared = tuple[negatives.NegativePools, sampling.Smallest, agreement.Shown]


class _Share(beam.CombineFn):
    """Joins what the shards offer: pools of negatives, smallest request hashes, what was shown."""

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
        pools = [pools for pools, _, _ in accumulator]
        hashes = [hashes for _, hashes, _ in accumulator]
        shown = [shown for _, _, shown in accumulator]
        return [
            (
                negatives.merge_pools(pools, self._config.negative_pool_size),
                sampling.merge_smallest(hashes, self._config.splits),
                agreement.merge_shown(shown, self._config.seed),
            )
        ]

    def extract_output(self, accumulator: list[Offer]) -> Shared:
        ((pools, hashes, shown),) = self.compact(accumulator)
        return negatives.NegativePools.build(pools), hashes, shown


@beam.typehints.with_output_types(beam.typehints.Any)
class _Write(_Step):
    """Completes a shard's requests and serialises its records."""

    def __init__(self, config: IngestConfig, day_statistics: str):
        super().__init__(config)
        self._uri = day_statistics
        # One of each worker process, however many threads it has.
        self._held = HeldByWorker()

    def setup(self) -> None:
        self._encoder = example_coder.RecordBatchToExamplesEncoder()
        uri = self._uri
        self._statistics = self._held.acquire(lambda: DayStatistics(uri))

    def process(self, part: shard.Shard, shared: Shared) -> Iterator[Any]:
        part = part.map_blocks(cols.unpack)
        pools, smallest, shown = shared
        whole, counts = shard.complete(part, pools, smallest, self._config)
        batches, more = shard.write(part, whole, self._statistics, self._config)
        counts.update(more)
        for split in batches:
            for batch in batches[split]:
                for record in self._encoder.encode(batch):
                    yield beam.pvalue.TaggedOutput(split, record)
        if shown:
            yield beam.pvalue.TaggedOutput(KNOWN, agreement.known_among(part.events, shown))
        yield self.count(counts)

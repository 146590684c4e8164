"""The work on one shard, a group of whole users: order, requests, records."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Callable, Iterable

import numpy as np
import pyarrow as pa

from lifelong.components.behavior_example_gen import (
    negatives,
    records,
    repeats,
    requests,
    sampling,
)
from lifelong.components.behavior_example_gen.config import IngestConfig
from lifelong.components.behavior_example_gen.requests import Requests
from lifelong.data import columns as cols
from lifelong.data.columns import Columns
from lifelong.data.day_statistics import DayStatistics
from lifelong.data.events import sort_events
from lifelong.data.keys import SPLITS
from lifelong.data.logs.counts import Counts
from lifelong.data.logs.fields import no_rows


@dataclasses.dataclass
class Shard:
    """Whole users, in order.

    Attributes:
        events: Sorted distinct events.
        users: User features, one row a user; empty without a user table.
        requests: All requests inside the splits; made of baskets, they have no negatives yet.
    """

    events: Columns
    users: Columns
    requests: Requests

    def map_blocks(self, function: Callable[[Columns], Columns]) -> Shard:
        """Returns the shard with `function` (`pack` or `unpack`) applied to its blocks."""
        made = self.requests
        return Shard(
            function(self.events),
            function(self.users),
            Requests(function(made.rows), made.sizes, function(made.candidates)),
        )


def organise(blocks: Iterable[tuple[str, Columns]], config: IngestConfig) -> tuple[Shard, Counts]:
    """Sorts a shard's rows, collapses duplicates and makes its requests.

    Args:
        blocks: (name of the log, rows), in any order.
        config: What to make.

    Returns:
        The shard and counts.
    """
    by_log: dict[str, list[Columns]] = {
        name: [no_rows(config.fields_of(name))] for name in config.logs
    }
    for name, block in blocks:
        by_log[name].append(block)
    joined = {name: cols.unpack(cols.concat(parts)) for name, parts in by_log.items()}
    counts: Counts = collections.Counter()
    events, counts["behaviors/duplicates"] = sort_events(joined["behaviors"])
    counts["behaviors/events"] = cols.length(events)
    counts["behaviors/users"] = len(cols.run_starts(events["user"]))
    if "impressions" in joined:
        order = [
            key for key in ("user", "timestamp", "request", "item") if key in joined["impressions"]
        ]
        shown, counts["impressions/duplicates"] = cols.sort_and_dedupe(joined["impressions"], order)
        made, more = requests.from_impressions(events, shown, config)
        asking = np.unique(shown["user"])
        counts["impressions/users"] = len(asking)
        counts["impressions/users_not_in_behaviors"] = _strangers(asking, events["user"])
    else:
        made, more = requests.from_baskets(events, config)
    users: Columns = {}
    if "users" in joined:
        users, counts["users/duplicates"] = cols.sort_and_dedupe(joined["users"], ("user",))
        first = cols.run_starts(users["user"])
        counts["users/contradictory"] = cols.length(users) - len(first)
        users = cols.take(users, first)
        counts["users/users"] = len(first)
        counts["users/users_not_in_behaviors"] = _strangers(users["user"], events["user"])
        asking = np.unique(made.rows["user"])
        counts["users/users_with_requests"] = len(asking)
        counts["users/users_without_row"] = _strangers(asking, users["user"])
    counts.update(more)
    return Shard(events, users, made), counts


def _strangers(users: np.ndarray, known: np.ndarray) -> int:
    return int((~np.isin(users, known)).sum())


def complete(
    shard: Shard,
    pools: negatives.NegativePools,
    smallest: sampling.Smallest,
    config: IngestConfig,
) -> tuple[Requests, Counts]:
    """Samples the shard's requests and gives them their negatives.

    Args:
        shard: The shard.
        pools: What negatives are drawn from, of all shards.
        smallest: Hashes by which requests are sampled, of all shards.
        config: What to make.

    Returns:
        The requests, whole, and counts.
    """
    counts: Counts = collections.Counter()
    rows = shard.requests.rows
    kept = sampling.keep(rows["split"], rows["hash"], smallest, config.splits)
    for index, split in enumerate(SPLITS):
        counts[f"{split}/requests_not_sampled"] = int((~kept & (rows["split"] == index)).sum())
    chosen = shard.requests.take(kept)
    owners, candidates = chosen.owners(), chosen.candidates
    if config.impressions is None:
        owner, place = negatives.draw(pools, chosen, shard.events, config)
        drawn = np.bincount(owner, minlength=len(chosen))
        for index, split in enumerate(SPLITS):
            short = config.requests.negatives - drawn[chosen.rows["split"] == index]
            counts[f"{split}/requests_short_of_negatives"] = int((short > 0).sum())
            counts[f"{split}/negatives_missing"] = int(short.sum())
        owners = np.concatenate([owners, owner])
        more = {
            "item": pools.item[place],
            "category": pools.category[place],
            "label": np.zeros(len(place), np.float32),
        }
        candidates = cols.concat([candidates, more])
    whole = chosen.with_candidates(owners, candidates, config.seed)
    counts.update(repeats.count_repeats(whole, shard.events))
    return whole, counts


def write(
    shard: Shard, whole: Requests, statistics: DayStatistics, config: IngestConfig
) -> tuple[dict[str, list[pa.RecordBatch]], Counts]:
    """Makes the records of each split.

    Args:
        shard: The shard.
        whole: Its requests with all candidates.
        statistics: Counts of the events of all shards.
        config: What to make.

    Returns:
        Record batches by split, one row a record, and counts.
    """
    batches: dict[str, list[pa.RecordBatch]] = {}
    counts: Counts = collections.Counter()
    unreached = np.ones(cols.length(shard.events), bool)
    for index, split in enumerate(SPLITS):
        part = whole.take(whole.rows["split"] == index)
        if not len(part):
            continue
        plan = records.plan_records(part, config.window, config.max_events_per_record)
        unreached[cols.ranges(plan.first, plan.end)] = False
        made = records.record_batches(plan, part, shard.events, shard.users, statistics, config)
        batches[split] = list(made)
        counts.update(records.count_events(plan, split))
        counts[f"{split}/users"] = len(cols.run_starts(part.rows["user"]))
        counts[f"{split}/candidates"] = int(part.sizes.sum())
        counts[f"{split}/positives"] = int(part.candidates["label"].sum())
        counts[f"{split}/requests_without_history"] = int((part.rows["events"] == 0).sum())
    counts["behaviors/events_unreached"] = int(unreached.sum())
    return batches, counts

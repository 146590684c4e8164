"""The whole transform against a slow, plain reimplementation of the data contract."""

import collections
import dataclasses

import numpy as np
import pytest

from lifelong.components.behavior_example_gen.config import IngestConfig, RequestConfig, SplitConfig
from lifelong.components.behavior_example_gen.splits import split_of
from lifelong.components.local_runner import LocalRunner
from lifelong.data.features import Feature
from lifelong.data.hashing import Purpose, hash64
from lifelong.data.ids import id_of
from lifelong.data.keys import SPLITS
from lifelong.data.logs.config import LogColumns, LogConfig
from lifelong.data.times import week_of
from tests.sample_statistics import write_statistics

DAY = 24 * 3600
# Three weeks of train, one of validation, two of eval; a Monday.
START = 1_499_644_800
SPLIT = SplitConfig(
    train_start="2017-07-17", validation_start="2017-08-02", eval_start="2017-08-10"
)
CONFIG = IngestConfig(
    requests=RequestConfig(min_history=3, max_positives=2, negatives=4),
    splits=SPLIT,
    window=6,
    shards=5,
    seed=3,
)


def random_log(seed, users=12, rows=420, items=60):
    random = np.random.default_rng(seed)
    log = []
    for _ in range(rows):
        item = int(random.integers(items) * random.random()) + 1
        log.append(
            {
                "user": int(random.integers(users)),
                "item": item,
                "category": f"c{item % 7}",
                # Few distinct times: baskets and ties.
                "timestamp": START + int(random.integers(120)) * DAY // 3,
                "action": str(random.choice(["view", "buy"])),
                "price": float(random.integers(4)) / 2,
            }
        )
    return log + log[:20]


def h(config, purpose, *keys):
    return int(hash64(config.seed, purpose, *(np.array([int(key)]) for key in keys))[0])


def one_split(config, user, time):
    return int(split_of(config.splits, config.seed, np.array([user]), np.array([time]))[0])


def brute_force(log, config):
    """Follows the words of the data contract, one Python object an event."""
    events = sorted(
        {
            (
                r["user"],
                r["timestamp"],
                r["item"],
                id_of(r["category"]),
                id_of(r["action"]),
                r["price"],
            )
            for r in log
        }
    )
    by_user = collections.defaultdict(list)
    pools = collections.defaultdict(set)
    for event in events:
        by_user[event[0]].append(event)
        split = one_split(config, *event[:2])
        if split >= 0:
            week = int(week_of(np.array([event[1]]))[0])
            key = h(config, Purpose.FILL_POOL, *event[:3])
            pools[split, week].add((key, event[3], event[2], event[0]))
    pools = {k: sorted(v)[: config.negative_pool_size] for k, v in pools.items()}

    requests = []
    for user, history in by_user.items():
        for time in sorted({event[1] for event in history}):
            split = one_split(config, user, time)
            before = [event for event in history if event[1] < time]
            basket = [event for event in history if event[1] == time]
            if split < 0 or len(before) < config.requests.min_history:
                continue
            positives = {}
            names = [id_of(name) for name in config.requests.positive_behaviors]
            for event in basket:
                if not names or event[4] in names:
                    positives.setdefault(event[2], event[3])
            chosen = sorted(
                positives, key=lambda item: h(config, Purpose.CHOOSE_POSITIVE, user, time, item)
            )[: config.requests.max_positives]
            if not chosen:
                continue
            week = int(week_of(np.array([time]))[0])
            candidates = [(item, positives[item], 1.0) for item in chosen]
            had = before if config.requests.exclude_history_from_negatives else []
            taken = {event[2] for event in [*had, *basket]}
            candidates += negatives_of(user, time, taken, pools[split, week], config)
            candidates.sort(
                key=lambda c: h(config, Purpose.ORDER_CANDIDATES, user, time, c[0], c[2])
            )
            key = h(config, Purpose.SAMPLE_REQUEST, user, time)
            requests.append((split, key, user, time, len(before), candidates))

    records, seen = {}, seen_by_id(events)
    for index, split in enumerate(SPLITS):
        mine = sorted(request for request in requests if request[0] == index)
        limit = config.splits.max_requests[index] or len(mine)
        kept = collections.defaultdict(list)
        for request in mine[:limit]:
            kept[request[2]].append(request[3:])
        records[split] = [
            record_of(user, by_user[user], chunk, skipped, seen)
            for user in sorted(kept)
            for chunk, skipped in chunks_of(sorted(kept[user]), config)
        ]
    return records


def negatives_of(user, time, taken, pool, config):
    count, found = config.requests.negatives, {}
    order = [
        h(config, Purpose.DRAW_NEGATIVE, user, time, j) % len(pool)
        for j in range(count + count // 2 + 8)
    ]
    others = [place for place, entry in enumerate(pool) if entry[3] != user]
    if others and len(others) <= 0.9 * len(pool):
        order += [
            others[h(config, Purpose.SEARCH_POOL, user, time, j) % len(others)]
            for j in range(2 * count + 8)
        ]
    first = {pool[place][2]: place for place in reversed(others)}
    order += sorted(
        first.values(),
        key=lambda place: h(config, Purpose.ORDER_OPTIONS, user, time, pool[place][2]),
    )
    for place in order:
        _, category, item, owner = pool[place]
        if len(found) < count and owner != user and item not in taken:
            found.setdefault(item, (item, category, 0.0))
    return list(found.values())


def chunks_of(requests, config):
    chunk = []
    for request in requests:
        skipped = max(chunk[0][1] - config.window, 0) if chunk else 0
        if chunk and request[1] - skipped > config.max_events_per_record:
            yield chunk, skipped
            chunk = []
        chunk.append(request)
    yield chunk, max(chunk[0][1] - config.window, 0)


def seen_by_id(events):
    """Returns the days and users of events by (kind, id), those of all under (0, 0)."""
    seen = collections.defaultdict(list)
    for event in events:
        for key in ((0, 0), (2, event[2]), (3, event[3])):
            seen[key].append((event[1] // DAY, event[0]))
    return seen


def statistics_of(seen, time):
    """Counts what was seen before the day of `time`."""
    day = time // DAY
    before = [(other, user) for other, user in seen if other < day]
    recent = [sum(day - length <= other for other, _ in before) for length in (7, 28, 91)]
    return [*recent, len(before), len({user for _, user in before})]


def record_of(user, history, requests, skipped, seen):
    events = history[skipped : requests[-1][1]]
    candidates = [candidate for request in requests for candidate in request[2]]
    return {
        "user": [user],
        "events_before_record": [skipped],
        "history_item": [event[2] for event in events],
        "history_category": [event[3] for event in events],
        "history_timestamp": [event[1] for event in events],
        "history_behavior": [event[4] for event in events],
        "history_price": [event[5] for event in events],
        "request_timestamp": [request[0] for request in requests],
        "request_events": [request[1] - skipped for request in requests],
        "request_candidates": [len(request[2]) for request in requests],
        "candidate_item": [item for item, _, _ in candidates],
        "candidate_category": [category for _, category, _ in candidates],
        "candidate_label": [label for _, _, label in candidates],
        "request_statistics": [n for r in requests for n in statistics_of(seen[0, 0], r[0])],
        "candidate_item_statistics": [
            n for r in requests for c in r[2] for n in statistics_of(seen[2, c[0]], r[0])
        ],
        "candidate_category_statistics": [
            n for r in requests for c in r[2] for n in statistics_of(seen[3, c[1]], r[0])
        ],
    }


@pytest.fixture
def config_for(write_log):
    def make(rows, suffix="parquet", **changes):
        log = LogConfig(
            files=write_log(f"log.{suffix}", rows), columns=LogColumns(behavior="action")
        )
        return dataclasses.replace(
            CONFIG,
            behaviors=log,
            features=(Feature("price", "event", "numeric"),),
            **{"max_events_per_record": 50_000, **changes},
        )

    return make


VARIANTS = {
    "plain": {"suffix": "csv"},
    "small_pools": {"negative_pool_size": 5, "suffix": "jsonl"},
    "one_behaviour": {
        "requests": RequestConfig(0, max_positives=3, negatives=30, positive_behaviors=("buy",))
    },
    "chunks_and_samples": {
        "max_events_per_record": 12,
        "splits": dataclasses.replace(
            SPLIT, max_train_requests=70, max_validation_requests=9, max_eval_requests=1000
        ),
    },
    "by_user": {
        "splits": SplitConfig(
            by="user", train_start="2017-07-12", validation_share=0.3, eval_share=0.3
        )
    },
    "one_shard": {"requests": RequestConfig(3, 2, 1), "shards": 1},
    "without_history": {
        "requests": RequestConfig(3, 2, 5, exclude_history_from_negatives=True),
    },
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_records_equal_the_brute_force(ingest, config_for, variant):
    rows = random_log(seed=sum(map(ord, variant)))
    config = config_for(rows, **VARIANTS[variant])
    result = ingest(config)
    expected = brute_force(rows, config)
    for split in SPLITS:
        assert len(result.records[split]) == len(expected[split])
        for record, wanted in zip(result.records[split], expected[split], strict=True):
            assert record == wanted
    made = result.records["train"]
    assert sum(len(record["request_timestamp"]) for record in made) > 10
    check_counts(result, rows, config)


def check_counts(result, rows, config):
    counts = result.counts
    distinct = len({tuple(row.values()) for row in rows})
    assert counts["behaviors/rows"] == len(rows)
    assert counts["behaviors/duplicates"] == len(rows) - distinct
    assert counts["behaviors/events"] == distinct
    reached = set()
    for split in SPLITS:
        records = result.records[split]
        total = collections.Counter()
        for record in records:
            total["requests"] += len(record["request_timestamp"])
            total["events"] += len(record["history_item"])
            total["candidates"] += len(record["candidate_item"])
            total["positives"] += sum(record["candidate_label"])
            first = record["events_before_record"][0]
            reached |= {(record["user"][0], first + i) for i in range(len(record["history_item"]))}
            negatives = len(record["candidate_label"]) - sum(record["candidate_label"])
            total["missing"] += (
                config.requests.negatives * len(record["request_events"]) - negatives
            )
        for name in ("requests", "events", "candidates", "positives"):
            assert counts[f"{split}/{name}"] == total[name]
        assert counts[f"{split}/records"] == len(records)
        assert counts[f"{split}/users"] == len({record["user"][0] for record in records})
        assert counts[f"{split}/negatives_missing"] == total["missing"]
    assert counts["behaviors/events_unreached"] == distinct - len(reached)


def windows(result, window):
    """Cuts every request's window out of the records: by (split, user, time)."""
    cut = {}
    for split in SPLITS:
        for record in result.records[split]:
            labels = np.split(
                list(zip(record["candidate_item"], record["candidate_label"], strict=True)),
                np.cumsum(record["request_candidates"])[:-1],
            )
            for i, time in enumerate(record["request_timestamp"]):
                end = record["request_events"][i]
                total = record["events_before_record"][0] + end
                key = (split, record["user"][0], time)
                assert key not in cut
                items = record["history_item"][max(end - window, 0) : end]
                times = record["history_timestamp"][:end]
                assert all(other < time for other in times), "strictly earlier events only"
                assert all(t >= time for t in record["history_timestamp"][end:])
                assert len(items) == min(window, total)
                cut[key] = (total, items, labels[i].tolist())
    return cut


def test_windows_cut_from_chunks_equal_those_of_whole_histories(ingest, config_for):
    rows = random_log(5)
    whole = ingest(config_for(rows))
    chunked = ingest(config_for(rows, max_events_per_record=12))
    assert chunked.counts["train/records"] > whole.counts["train/records"]
    assert chunked.counts["train/events_repeated"] > 0
    assert max(len(r["history_item"]) for r in chunked.records["train"]) <= 12
    assert windows(chunked, 6) == windows(whole, 6)


def test_the_window_changes_neither_requests_nor_labels(ingest, config_for):
    rows = random_log(6)
    small, large = ingest(config_for(rows)), ingest(config_for(rows, window=500))
    one, two = windows(small, 6), windows(large, 6)
    assert one == two
    assert small.counts["train/events"] < large.counts["train/events"]
    assert all(r["events_before_record"] == [0] for r in large.records["train"])


def test_another_seed_draws_other_negatives_and_the_same_one_the_same(ingest, config_for):
    rows = random_log(7)
    config = config_for(rows)
    first = ingest(config).records
    shuffled = [rows[i] for i in np.random.default_rng(0).permutation(len(rows))]
    again = ingest(config_for(shuffled, suffix="csv", shards=2)).records
    assert again == first, "whatever the order of rows, the format and the number of shards"
    assert ingest(dataclasses.replace(config, seed=4)).records != first


@pytest.mark.slow
def test_one_worker_and_two_give_the_same_records(ingest, config_for):
    config = config_for(random_log(8))
    one = ingest(config)
    flags = ["--direct_running_mode=multi_processing", "--direct_num_workers=2"]
    two = ingest(config, flags)
    assert two.records == one.records
    assert two.counts == one.counts


def test_candidate_order_does_not_tell_the_label(ingest, config_for):
    config = config_for(random_log(9), requests=RequestConfig(0, max_positives=1, negatives=3))
    first = [
        labels[0]
        for cut in windows(ingest(config), 6).values()
        for labels in [[label for _, label in cut[2]]]
        if len(labels) == 4
    ]
    assert len(first) > 100
    assert 0.15 < np.mean(first) < 0.35


def test_bad_rows_are_counted_and_quarantined(ingest, config_for):
    rows = random_log(10)
    clean = ingest(config_for(rows))
    bad = [{**rows[0], "user": -1}, {**rows[0], "item": None}, {**rows[0], "timestamp": -1}]
    mixed = ingest(config_for([*bad[:1], *rows, *bad[1:]], suffix="csv"))
    assert mixed.records == clean.records
    assert mixed.counts["behaviors/rows"] == len(rows) + 3
    assert mixed.counts["behaviors/bad_rows/user: negative"] == 1
    assert mixed.counts["behaviors/bad_rows/item: missing"] == 1
    assert sorted(row["row"] for row in mixed.bad) == [2, len(rows) + 3, len(rows) + 4]
    assert all(row["file"].endswith("log.csv") and row["log"] == "behaviors" for row in mixed.bad)


def test_the_beam_metrics_hold_the_counts(config_for, tmp_path):
    import apache_beam as beam

    from lifelong.components.behavior_example_gen.transforms import METRICS_NAMESPACE, Ingest

    rows = random_log(11)
    pipeline = beam.Pipeline(LocalRunner())
    config = config_for(rows)
    _ = pipeline | Ingest(config, write_statistics(config, tmp_path))
    result = pipeline.run()
    result.wait_until_finish()
    found = result.metrics().query(beam.metrics.MetricsFilter().with_namespace(METRICS_NAMESPACE))
    counts = {counter.key.metric.name: counter.committed for counter in found["counters"]}
    assert counts["behaviors/rows"] == len(rows)
    assert counts["train/requests"] > 0

"""A shard from rows to records, and that nothing of the future reaches a request."""

import dataclasses
import tempfile
from pathlib import Path

import numpy as np
import pytest

from lifelong.components.behavior_example_gen import negatives, sampling
from lifelong.components.behavior_example_gen.config import IngestConfig, RequestConfig, SplitConfig
from lifelong.components.behavior_example_gen.shard import complete, organise, write
from lifelong.data import columns as cols
from lifelong.data.features import Feature
from lifelong.data.keys import STATISTICS
from lifelong.data.logs.config import LogConfig
from tests.sample_statistics import statistics_of

DAY = 86_400
CONFIG = IngestConfig(
    behaviors=LogConfig("events.csv"),
    requests=RequestConfig(min_history=1, max_positives=4, negatives=2),
    splits=SplitConfig(validation_start="1970-01-12", eval_start="1970-01-19"),
    window=2,
)


def block(names, *rows):
    columns = np.array(rows, np.int64).reshape(-1, len(names)).T
    return dict(zip(names, columns.copy(), strict=True))


def behaviors(*rows):
    """Returns a block of rows (user, item, day)."""
    made = block(("user", "item", "timestamp"), *rows)
    return (
        "behaviors",
        {**made, "timestamp": made["timestamp"] * DAY, "category": made["item"] + 100},
    )


def impressions(*rows):
    """Returns a block of rows (user, item, day, label)."""
    made = block(("user", "item", "timestamp", "label"), *rows)
    made["timestamp"] *= DAY
    return (
        "impressions",
        {**made, "category": made["item"] + 100, "label": made["label"].astype(np.float32)},
    )


def ingested(blocks, config=CONFIG):
    """Returns the records of each split and all counts, as if there were one shard."""
    shard, counts = organise(blocks, config)
    (rows,) = (block for name, block in blocks if name == "behaviors")
    with tempfile.TemporaryDirectory() as folder:
        statistics = statistics_of(rows, Path(folder))
    pools = negatives.NegativePools.build(negatives.pools_of(shard.events, config))
    rows = shard.requests.rows
    smallest = sampling.smallest_hashes(rows["split"], rows["hash"], config.splits)
    whole, more = complete(shard, pools, smallest, config)
    batches, written = write(shard, whole, statistics, config)
    counts.update(more)
    counts.update(written)
    records = {
        split: [row for batch in parts for row in batch.to_pylist()]
        for split, parts in batches.items()
    }
    return records, counts


def test_organise_sorts_collapses_duplicates_and_makes_requests():
    blocks = [behaviors((2, 5, 4), (1, 9, 6), (1, 8, 6)), behaviors((1, 7, 5), (1, 9, 6))]
    shard, counts = organise(blocks, CONFIG)
    assert shard.events["user"].tolist() == [1, 1, 1, 2]
    assert shard.events["item"].tolist() == [7, 8, 9, 5]
    assert counts["behaviors/duplicates"] == 1
    assert counts["behaviors/events"] == 4
    assert counts["behaviors/users"] == 2
    assert counts["baskets/too_little_history"] == 2
    assert shard.users == {}
    assert shard.requests.rows["timestamp"].tolist() == [6 * DAY]
    assert sorted(shard.requests.candidates["item"]) == [8, 9]
    again, _ = organise(blocks[::-1], CONFIG)
    for key, column in shard.events.items():
        assert (again.events[key] == column).all()


def test_a_user_listed_differently_is_counted_and_one_of_the_rows_taken():
    config = dataclasses.replace(
        CONFIG, users=LogConfig("users.csv"), features=(Feature("city", "user"),)
    )
    names = ("user", "user_city")
    rows = [(4, 44), (3, 33), (3, 31), (4, 44)]
    for order in (rows, rows[::-1]):
        shard, counts = organise([("users", block(names, *order))], config)
        assert shard.users["user"].tolist() == [3, 4]
        assert shard.users["user_city"].tolist() == [31, 44], "the same one in any order"
        assert counts["users/duplicates"] == 1
        assert counts["users/contradictory"] == 1


def test_complete_adds_negatives_and_counts_what_is_missing():
    blocks = [behaviors((1, 7, 4), (1, 8, 5), (2, 20, 4), (3, 7, 13), (3, 9, 14))]
    records, counts = ingested(blocks)
    (train,) = records["train"]
    # One other user's item in that week: two were asked for.
    candidates = dict(zip(train["candidate_item"], train["candidate_label"], strict=True))
    assert candidates == {8: 1.0, 20: 0.0}
    assert counts["train/requests_short_of_negatives"] == 1
    assert counts["train/negatives_missing"] == 1
    assert counts["validation/negatives_missing"] == 2, "nobody else in that week"
    assert (counts["train/candidates"], counts["train/positives"]) == (2, 1)


def test_requests_are_sampled_by_split():
    rows = [(user, user * 10 + day, day) for user in range(1, 6) for day in (4, 5, 6)]
    splits = dataclasses.replace(CONFIG.splits, max_train_requests=3)
    records, counts = ingested([behaviors(*rows)], dataclasses.replace(CONFIG, splits=splits))
    assert counts["train/requests"] == 3
    assert counts["train/requests_not_sampled"] == 7
    assert sum(len(record["request_timestamp"]) for record in records["train"]) == 3


def test_write_counts_events_that_no_request_reaches():
    blocks = [behaviors(*[(1, day, day) for day in range(4, 10)], (2, 1, 5))]
    blocks.append(impressions((1, 50, 8, 1), (1, 51, 8, 0), (3, 50, 8, 0)))
    records, counts = ingested(blocks, dataclasses.replace(CONFIG, impressions=LogConfig("i.csv")))
    one, three = records["train"]
    assert one["history_timestamp"] == [6 * DAY, 7 * DAY], "the window before day 8"
    assert one["events_before_record"] == [2]
    assert one["request_events"] == [2]
    assert three["history_item"] == []
    # The days 4, 5, 8 and 9 of user 1, and user 2.
    assert counts["behaviors/events_unreached"] == 5
    assert counts["train/requests_without_history"] == 1
    assert counts["train/users"] == 2
    assert set(records) == {"train"}


def random_blocks(random):
    """Returns the blocks of a small log with many ties, and of impressions at the same times."""
    count = 120
    events = zip(*(random.integers(1, high, count) for high in (5, 30, 25)), strict=True)
    shown = zip(*(random.integers(1, high, count) for high in (6, 30, 26)), strict=True)
    return behaviors(*events), impressions(*[(*row, i % 2) for i, row in enumerate(shown)])


def cuts(records):
    """Returns what each request is shown: {(split, user, time): (events, history, candidates)}.

    A candidate is (item, label, statistics of item, of category, of all), a tuple each.
    """
    found = {}
    for split, rows in records.items():
        for row in rows:
            (user,), (skipped,), place = row["user"], row["events_before_record"], 0
            of_item, of_category, of_all = (
                [tuple(five) for five in np.reshape(row[key], (-1, 5)).tolist()]
                for key in STATISTICS
            )
            history = list(zip(row["history_timestamp"], row["history_item"], strict=True))
            requests = zip(
                row["request_timestamp"],
                row["request_events"],
                row["request_candidates"],
                strict=True,
            )
            for number, (time, events, size) in enumerate(requests):
                part = slice(place, place + size)
                place += size
                found[split, user, time] = (
                    skipped + events,
                    history[max(events - CONFIG.window, 0) : events],
                    sorted(
                        zip(
                            row["candidate_item"][part],
                            row["candidate_label"][part],
                            of_item[part],
                            of_category[part],
                            [of_all[number]] * size,
                            strict=True,
                        )
                    ),
                )
    return found


@pytest.mark.parametrize("source", ["baskets", "impressions"])
@pytest.mark.parametrize("seed", range(6))
def test_no_request_is_shown_an_event_at_or_after_its_time(source, seed):
    log, shown = random_blocks(np.random.default_rng(seed))
    blocks, config = [log], dataclasses.replace(CONFIG, max_events_per_record=5)
    if source == "impressions":
        blocks, config = [log, shown], dataclasses.replace(config, impressions=LogConfig("i.csv"))
    made = cuts(ingested(blocks, config)[0])
    assert len(made) > 20
    events = log[1]
    for (_, user, time), (count, history, _) in made.items():
        mine = {
            (int(t), int(item))
            for u, t, item in zip(events["user"], events["timestamp"], events["item"], strict=True)
            if u == user and t < time
        }
        # One cut for a request, of all its candidates, whatever their labels: exactly the events
        # strictly before it, and of those the last ones.
        assert count == len(mine)
        assert history == sorted(mine)[-CONFIG.window :]


@pytest.mark.parametrize("source", ["baskets", "impressions"])
def test_the_future_of_a_log_changes_no_earlier_request(source):
    log, shown = random_blocks(np.random.default_rng(9))
    config, now = CONFIG, 13 * DAY
    blocks = [log]
    if source == "impressions":
        blocks, config = [log, shown], dataclasses.replace(CONFIG, impressions=LogConfig("i.csv"))
    past = [(name, cols.take(rows, rows["timestamp"] < now)) for name, rows in blocks]
    made, before = cuts(ingested(blocks, config)[0]), cuts(ingested(past, config)[0])
    earlier = {key: cut for key, cut in made.items() if key[2] < now}
    assert earlier.keys() == before.keys()
    assert len(before) > 10
    for key, (count, history, candidates) in earlier.items():
        assert before[key][:2] == (count, history)
        if source == "impressions":
            assert before[key][2] == candidates
        else:
            # Negatives are of the request's week, all of it; positives and cut are not.
            positives = [candidate for candidate in candidates if candidate[1]]
            assert [candidate for candidate in before[key][2] if candidate[1]] == positives


@pytest.mark.parametrize("change", ["deleted", "others"])
def test_no_statistics_tell_of_the_requests_day_or_later(change):
    """Impressions stay what they are, so that there are requests of the changed day, too."""
    config = dataclasses.replace(CONFIG, impressions=LogConfig("i.csv"))
    random, today = np.random.default_rng(3), 13
    (_, log), shown = random_blocks(random)
    for rows in (log, shown[1]):
        rows["timestamp"] += random.integers(0, DAY, cols.length(rows))
    late = log["timestamp"] >= today * DAY
    if change == "deleted":
        changed = cols.take(log, ~late)
    else:
        changed = {key: np.where(late, column + 1, column) for key, column in log.items()}
        assert (changed["item"] != log["item"]).sum() > 20
    found, other = (
        {
            (*request, candidate[0]): candidate[2:]
            for request, (_, _, candidates) in cuts(
                ingested([("behaviors", rows), shown], config)[0]
            ).items()
            if request[2] // DAY <= today
            for candidate in candidates
        }
        for rows in (log, changed)
    )
    assert found == other
    assert {time // DAY for _, _, time, _ in found} > {today - 1, today}
    assert sum(any(counts[0]) for counts in found.values()) > 20

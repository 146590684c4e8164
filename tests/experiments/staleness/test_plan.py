import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from lifelong.experiments.staleness.plan import known_by, make_plan
from tests.sample_records import write_records

DAY = 24 * 3600
# 2024-01-01, a Monday.
MONDAY = 1_704_067_200


def record(requests, candidates=(), history=()):
    """Flat arrays of a record: days of requests with one candidate each, items of days."""
    items = np.array(list(candidates) or [0] * len(requests))
    history = np.array(list(history), np.int64).reshape(-1, 2)
    return {
        "request_timestamp": MONDAY + DAY * np.array(requests),
        "request_candidates": np.ones(len(requests), np.int64),
        "candidate_item": items,
        "candidate_category": items % 2,
        "history_item": history[:, 1],
        "history_category": history[:, 1] % 2,
        "history_timestamp": MONDAY + DAY * history[:, 0],
    }


class Written:
    """Records in files, one to a split, and what a plan asks of them."""

    def __init__(self, folder, *records):
        self._folder = folder
        self._keys = list(records[0])
        for split, one in zip(("train", "validation"), records, strict=False):
            write_records([one], folder / f"{split}.gz")

    def transformed_files(self, split):
        return [str(self._folder / f"{split}.gz*")]

    def transform_output(self):
        return self

    def transformed_feature_spec(self):
        return {key: tf.io.RaggedFeature(tf.int64, value_key=key) for key in self._keys}


@pytest.fixture
def written(tmp_path):
    return lambda *records: Written(tmp_path, *records)


def test_weeks_begin_on_monday_and_those_without_requests_do_not_count(written):
    # Weeks 0, 1 and 3; the last one has its Sunday alone.
    data = written(record([0, 6, 7]), record([6, 13, 27]))
    plan = make_plan(data, 2)
    assert plan.spans == (
        (MONDAY, MONDAY + 7 * DAY),
        (MONDAY + 7 * DAY, MONDAY + 14 * DAY),
        (MONDAY + 21 * DAY, MONDAY + 28 * DAY),
    )
    assert plan.requests == (3, 2, 1)
    assert plan.date == MONDAY + 7 * DAY
    assert make_plan(data, 1).requests == (5, 1)


@pytest.mark.parametrize("weeks", [3, 30])
def test_too_many_weeks_are_refused_with_how_many_there_are(written, weeks):
    data = written(record([0, 7]), record([27]))
    with pytest.raises(ValueError, match=f"weeks is {weeks}, .* in 3 calendar weeks.*at most 2"):
        make_plan(data, weeks)


def test_known_is_what_any_event_or_candidate_before_the_date_has(written):
    data = written(
        record([0, 7], candidates=[1, 2], history=[(0, 3), (6, 5)]),
        record([1, 8], candidates=[7, 6], history=[(7, 4)]),
    )
    known = known_by(data, MONDAY + 7 * DAY, {"item": 8, "category": 3})
    # The date itself is after; the first row is that of unknown items.
    np.testing.assert_array_equal(np.flatnonzero(known["item"]), [0, 1, 3, 5, 7])
    np.testing.assert_array_equal(known["category"], [True, True, False])


def test_real_records_are_read(data):
    plan = make_plan(data, 3)
    sizes = {"item": 71, "category": 9}
    assert sum(plan.requests) == sum(make_plan(data, 1).requests)
    start, end = plan.spans[0][0], plan.spans[-1][1]
    everything = known_by(data, end, sizes)
    nothing = known_by(data, start - 400 * DAY, sizes)
    assert everything["item"].sum() > known_by(data, plan.date, sizes)["item"].sum() - 1
    assert [rows.sum() for rows in nothing.values()] == [1, 1]
    empty = dataclasses.replace(data, transformed_examples="nowhere")
    with pytest.raises(ValueError, match="no record file fits"):
        make_plan(empty, 1)

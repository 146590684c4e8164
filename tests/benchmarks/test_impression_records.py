import numpy as np
import pytest
import tensorflow as tf

from benchmarks.impression_records import read_records, rows_of, with_candidates
from lifelong.models.ctr_model import CTRModel
from lifelong.models.reader import request_dataset
from lifelong.models.records import record_spec
from lifelong.models.trained import build
from tests.sample_models import SMALL, small_spec
from tests.sample_records import make_records, write_records

SPEC = record_spec(())


def record(timestamps, candidates, user=1):
    """Returns a record of daily events, with as many candidates of each request as given."""
    items = np.arange(sum(candidates))
    return {
        "user": np.array([user]),
        "events_before_record": np.array([0]),
        "history_item": np.arange(10, 20),
        "history_category": np.zeros(10, int),
        "history_timestamp": np.arange(10),
        "request_timestamp": np.array(timestamps),
        "request_events": np.array(timestamps),
        "request_candidates": np.array(candidates),
        "candidate_item": items,
        "candidate_category": items % 2,
        "candidate_label": (items % 3 == 0).astype(np.float32),
    }


def test_records_are_read_as_they_were_written(tmp_path):
    written = make_records(users=3)
    read = list(read_records([write_records(written, tmp_path / "records.gz")], SPEC))
    assert len(read) == 3
    for one, other in zip(read, written, strict=True):
        assert set(one) == set(other)
        for key, values in other.items():
            np.testing.assert_array_equal(one[key], values, err_msg=key)


def test_candidates_are_repeated_in_turn_or_cut():
    (changed,) = with_candidates([record([3, 8], [2, 5])], requests=2, candidates=3)
    assert changed["candidate_item"].tolist() == [0, 1, 0, 2, 3, 4]
    assert changed["candidate_category"].tolist() == [0, 1, 0, 0, 1, 0]
    assert changed["candidate_label"].tolist() == [1, 0, 1, 0, 1, 0]
    assert changed["request_candidates"].tolist() == [3, 3]
    assert changed["request_events"].tolist() == [3, 8]
    assert changed["history_item"].tolist() == list(range(10, 20))


def test_the_first_requests_are_taken_over_records():
    records = [record([1, 2], [1, 1], user) for user in range(3)]
    taken = with_candidates(records, requests=3, candidates=2)
    assert [one["user"].tolist() for one in taken] == [[0], [1]]
    assert [one["request_timestamp"].tolist() for one in taken] == [[1, 2], [1]]
    assert [one["candidate_item"].tolist() for one in taken] == [[0, 0, 1, 1], [0, 0]]


def test_too_few_requests_are_an_error():
    with pytest.raises(ValueError, match="requests is 3; the records have 2"):
        with_candidates([record([1, 2], [1, 1])], requests=3, candidates=2)


def test_a_row_has_the_history_that_its_request_can_reach():
    rows = rows_of([record([3, 8], [1, 2])], window=4)
    assert len(rows) == 3
    by_candidate = {int(row["candidate_item"][0]): row for row in rows}
    assert by_candidate[0]["history_item"].tolist() == [10, 11, 12]
    assert by_candidate[2]["history_item"].tolist() == [14, 15, 16, 17]
    assert by_candidate[2]["request_events"].tolist() == [4]
    assert by_candidate[2]["request_timestamp"].tolist() == [8]
    assert by_candidate[2]["request_candidates"].tolist() == [1]


def test_a_model_scores_a_row_as_the_candidate_of_its_request(tmp_path):
    """The forms hold the same impressions, so that their training times can be compared."""
    records = with_candidates(make_records(users=8, seed=2), requests=15, candidates=3)
    rows = rows_of(records, SMALL.window)
    assert len(rows) == 45
    model = CTRModel(small_spec("eta"))
    build(model)
    rng = np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign(rng.normal(0, 0.5, variable.shape))

    def scores(name, records, batch_size):
        path = write_records(records, tmp_path / name)
        (batch,) = request_dataset([path], SPEC, SMALL.window, batch_size)
        found = {}
        for key in ("user", "request_timestamp"):
            found[key] = tf.repeat(batch[key], batch["candidate_item"].shape[1])
        for key in ("candidate_item", "candidate_label"):
            found[key] = tf.reshape(batch[key], [-1])
        found["logit"] = tf.reshape(model(batch), [-1])
        columns = np.stack([value.numpy().astype(float) for value in found.values()], axis=1)
        return columns[np.lexsort(columns.T[::-1])]

    by_request = scores("requests.gz", records, 15)
    assert np.ptp(by_request[:, -1]) > 0.1
    np.testing.assert_allclose(scores("rows.gz", rows, 45), by_request, atol=1e-5)

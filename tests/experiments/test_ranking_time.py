import numpy as np
import pytest

from lifelong.experiments.ranking_time import median_ms, real_request
from lifelong.models.records import record_spec
from tests.sample_records import make_record, write_records


@pytest.fixture
def files(tmp_path):
    rng = np.random.default_rng(0)
    records = [make_record(rng, user, events, requests=3) for user, events in ((0, 2), (1, 60))]
    return [write_records(records, tmp_path / "records.gz")]


def request(files, window, candidates=5):
    return real_request(files, record_spec(()), window, candidates)


def test_the_request_has_a_full_window_and_as_many_candidates_as_wanted(files):
    found = request(files, window=6)
    assert found["history_length"].tolist() == [6]
    assert found["user"].tolist() == [1]
    assert found["history_item"].shape == (1, 6)
    assert found["candidate_item"].shape == found["candidate_category"].shape == (1, 5)
    assert found["candidate_length"].tolist() == [5]
    # Candidates keep their own categories.
    np.testing.assert_array_equal(found["candidate_item"] % 7, found["candidate_category"])
    assert "candidate_label" not in found


def test_without_a_full_window_it_is_the_longest_history(files):
    found = request(files, window=500)
    assert found["user"].tolist() == [1]
    assert 6 < found["history_length"][0] < 500


def test_too_few_candidates_are_repeated(files):
    few = request(files, window=6, candidates=5)["candidate_item"][0]
    items = request(files, window=6, candidates=300)["candidate_item"][0]
    assert len(items) == 300
    np.testing.assert_array_equal(items[:5], few)
    starts = [i for i in range(5, 296) if (items[i : i + 5] == few).all()]
    np.testing.assert_array_equal(items[starts[0] :], items[: 300 - starts[0]])


def test_no_candidate_at_all_is_an_error(tmp_path):
    rng = np.random.default_rng(0)
    files = [write_records([make_record(rng, 0, 3, requests=0)], tmp_path / "records.gz")]
    with pytest.raises(ValueError, match="has a candidate"):
        request(files, window=6)


def test_runs_that_warm_up_do_not_count():
    calls = []
    assert median_ms(lambda: calls.append(None)) < 1.0
    assert len(calls) > 50

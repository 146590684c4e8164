import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest

from lifelong.components.local_runner import LocalRunner
from lifelong.components.log_reading.counting import SumCounts, WriteCounts, read_counts
from lifelong.components.vocabulary_builder.config import VocabularyConfig
from lifelong.components.vocabulary_builder.counting import Moments, WriteVocabularies
from lifelong.data.features import Feature
from lifelong.models.vocabulary_files import (
    NumberStatistics,
    read_statistics,
    read_vocabulary,
)

BRAND = Feature("brand", "candidate")
PRICE = Feature("price", "candidate", "numeric")
AGE = Feature("age", "user", "numeric")
FEATURES = (BRAND, PRICE, AGE)
# Users 1 and 2, with 1 and 3 requests.
BATCHES = [
    {
        "user": [[1]],
        "user_age": [[30.0]],
        "history_item": [[5, 5, 6]],
        "history_category": [[50, 50, 60]],
        "request_timestamp": [[100]],
        "candidate_item": [[7, 8]],
        "candidate_category": [[70, 70]],
        "candidate_brand": [[1, 2]],
        "candidate_price": [[1.0, 3.0]],
    },
    {
        "user": [[2]],
        "user_age": [[50.0]],
        "history_item": [[5]],
        "history_category": [[50]],
        "request_timestamp": [[100, 200, 300]],
        "candidate_item": [[]],
        "candidate_category": [[]],
        "candidate_brand": [[]],
        "candidate_price": [[]],
    },
]


def record_batch(columns):
    numeric = {feature.key for feature in FEATURES if not feature.is_categorical}
    types = {key: pa.list_(pa.float32() if key in numeric else pa.int64()) for key in columns}
    arrays = [pa.array(values, types[key]) for key, values in columns.items()]
    return pa.RecordBatch.from_arrays(arrays, list(columns))


def write(folder, batches=BATCHES, previous=None, **config):
    """Runs the transform; returns the counts."""
    folder.mkdir()
    config = VocabularyConfig(**{"features": FEATURES, "min_count": 1, **config})
    with beam.Pipeline(LocalRunner()) as pipeline:
        counts = (
            pipeline
            | beam.Create([record_batch(columns) for columns in batches])
            | WriteVocabularies(config, str(folder), previous and str(previous))
        )
        _ = (counts,) | SumCounts() | WriteCounts(str(folder))
    return read_counts(str(folder))


def known(folder, name):
    vocabulary = read_vocabulary(str(folder), name)
    return dict(zip(vocabulary.ids.tolist(), vocabulary.counts.tolist(), strict=True))


def test_events_and_requests_are_counted_and_candidates_where_they_are_logged(tmp_path):
    counts = write(tmp_path / "a", min_count=2)
    assert known(tmp_path / "a", "item") == {5: 3}
    assert known(tmp_path / "a", "category") == {50: 3}
    assert known(tmp_path / "a", "user") == {2: 3, 1: 1}
    assert known(tmp_path / "a", "candidate_brand") == {1: 1, 2: 1}
    assert (counts["item/known"], counts["item/new"], counts["item/too_rare"]) == (1, 1, 1)
    write(tmp_path / "b", candidates_are_logged=True)
    assert known(tmp_path / "b", "item") == {5: 3, 6: 1, 7: 1, 8: 1}
    assert known(tmp_path / "b", "category") == {50: 3, 70: 2, 60: 1}


def test_users_have_a_least_number_of_requests_of_their_own(tmp_path):
    counts = write(tmp_path / "a", min_count=100, min_user_count=2)
    assert known(tmp_path / "a", "user") == {2: 3}
    assert known(tmp_path / "a", "item") == {}
    assert counts["user/too_rare"] == 1


def test_what_the_previous_vocabularies_know_stays_and_numbers_are_scaled_as_before(tmp_path):
    write(tmp_path / "first")
    later = {
        **BATCHES[1],
        "history_item": [[9, 9, 6, 6, 6]],
        "history_category": [[90, 90, 1, 1, 1]],
    }
    counts = write(tmp_path / "second", [later], tmp_path / "first")
    items = read_vocabulary(str(tmp_path / "second"), "item")
    assert items.ids.tolist() == [5, 6, 9]
    assert items.counts.tolist() == [0, 3, 2]
    assert (counts["item/known"], counts["item/new"]) == (3, 1)
    assert known(tmp_path / "second", "user") == {2: 3, 1: 0}
    assert read_statistics(str(tmp_path / "second")) == read_statistics(str(tmp_path / "first"))


def test_numbers_that_were_all_equal_are_measured_from_there():
    values = Moments.of(np.array([2.0, 8.0]))
    assert values.continued(NumberStatistics(1.0, 0.0)) == (1, 5)  # Of 4 and 3.
    assert values.continued(NumberStatistics(1.0, 0.5)) == (1, 0.5)
    assert Moments.of(np.ones(3)).continued(NumberStatistics(1.0, 0.0)) == (1, 0)
    assert Moments().continued(NumberStatistics(7.0, 0.0)) == (7, 0)


def test_vocabularies_that_were_deleted_do_not_pass_for_empty_ones(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"gone holds no vocabularies: item\.tsv is missing"
    ):
        read_vocabulary(str(tmp_path / "gone"), "item")
    assert not len(read_vocabulary(str(tmp_path / "gone"), "candidate_brand").ids)


def test_a_feature_that_is_new_has_statistics_and_a_vocabulary_too(tmp_path):
    write(tmp_path / "first", features=())
    write(tmp_path / "second", previous=tmp_path / "first")
    assert read_statistics(str(tmp_path / "second"))["candidate_price"] == (2, 1)
    assert known(tmp_path / "second", "candidate_brand") == {1: 1, 2: 1}


def test_numbers_are_described_over_all_batches(tmp_path):
    write(tmp_path / "a")
    found = read_statistics(str(tmp_path / "a"))
    assert found["candidate_price"] == pytest.approx((2, 1))
    assert found["user_age"] == pytest.approx((40, 10))


def test_moments_of_parts_are_those_of_the_whole():
    values = np.random.default_rng(0).normal(1e6, 3, 1000).astype("f4")
    joined = Moments()
    for part in np.split(values, [0, 1, 400]):
        joined = joined.joined(Moments.of(part))
    expected = values.astype(np.float64)
    np.testing.assert_allclose(joined.statistics, [expected.mean(), expected.std()], rtol=1e-9)
    assert Moments().statistics == (0, 0)

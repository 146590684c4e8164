import numpy as np
import pytest
import tensorflow as tf

from lifelong.models.gbdt.record_rows import Events, join_events, read_records
from lifelong.models.reader import request_dataset
from lifelong.models.records import record_spec
from tests.sample_records import make_records, write_records


def events_of(user, positions, item=7, timestamp=100):
    positions = np.array(positions)
    size = len(positions)
    return Events(
        user=np.full(size, user),
        position=positions,
        item=np.full(size, item),
        category=np.full(size, 1),
        timestamp=timestamp + positions,
    )


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    records = make_records(users=10)
    return [
        write_records(records[5:], folder / "b.gz"),
        write_records(records[:5], folder / "a.gz"),
    ]


def test_events_are_at_their_places_in_the_whole_history(files):
    events, _ = read_records(files)
    for record in make_records(users=10):
        mine = events.user == record["user"][0]
        skipped, length = record["events_before_record"][0], len(record["history_item"])
        assert events.position[mine].tolist() == list(range(skipped, skipped + length))
        for key in ("item", "category", "timestamp"):
            np.testing.assert_array_equal(getattr(events, key)[mine], record[f"history_{key}"])


def test_requests_come_in_the_order_of_the_training_reader(files):
    _, requests = read_records(files)
    rows = [
        (int(batch["user"][row]), int(batch["request_timestamp"][row]), item, label)
        for batch in request_dataset(files, record_spec(()), window=5, batch_size=4)
        for row, length in enumerate(batch["candidate_length"].numpy())
        for item, label in zip(
            batch["candidate_item"][row, :length].numpy(),
            batch["candidate_label"][row, :length].numpy(),
            strict=True,
        )
    ]
    read = zip(
        requests.user[requests.request],
        requests.timestamp[requests.request],
        requests.item,
        requests.label,
        strict=True,
    )
    assert list(read) == rows


def test_requests_count_all_earlier_events(files):
    _, requests = read_records(files)
    for record in make_records(users=10):
        mine = requests.user == record["user"][0]
        expected = record["request_events"] + record["events_before_record"][0]
        np.testing.assert_array_equal(requests.history_events[mine], expected)


def test_candidates_of_many_batches_of_records_keep_their_requests(files):
    for expected, parts in zip(read_records(files), read_records(files, 3), strict=True):
        for one, other in zip(expected, parts, strict=True):
            np.testing.assert_array_equal(one, other)


def test_overlapping_records_are_joined_once_and_in_order():
    joined = join_events(
        [events_of(5, [4, 5, 6]), events_of(2, [0, 1]), events_of(5, [0, 1, 4, 5])]
    )
    assert joined.user.tolist() == [2, 2, 5, 5, 5, 5, 5]
    assert joined.position.tolist() == [0, 1, 0, 1, 4, 5, 6]
    assert joined.timestamp.tolist() == [100, 101, 100, 101, 104, 105, 106]


@pytest.mark.parametrize(
    ("field", "change"), [("item", {"item": 8}), ("timestamp", {"timestamp": 9})]
)
def test_records_that_disagree_are_an_error(field, change):
    with pytest.raises(ValueError, match=f"user 5 disagree about the {field} of event 3"):
        join_events([events_of(5, [2, 3]), events_of(5, [3, 4], **change)])


def test_no_file_is_an_error_that_names_the_pattern(tmp_path):
    with pytest.raises(tf.errors.InvalidArgumentError, match="none-"):
        read_records([str(tmp_path / "none-*")])

import numpy as np
import pytest

from lifelong.models.reader import count_requests, request_dataset
from lifelong.models.records import record_spec
from tests.sample_records import DAY, START, make_records, write_records

USERS = 40


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    records = make_records(users=USERS)
    return [
        write_records(records[: USERS // 2], folder / "a.gz"),
        write_records(records[USERS // 2 :], folder / "b.gz"),
    ]


def read(files, **options):
    batches = request_dataset(
        files, record_spec(()), window=10, batch_size=8, pool_users=16, **options
    )
    return [{key: value.numpy() for key, value in batch.items()} for batch in batches]


def requests(batches):
    """All requests as comparable tuples, in the order they came."""
    rows = []
    for batch in batches:
        for row in range(len(batch["user"])):
            length, count = batch["history_length"][row], batch["candidate_length"][row]
            rows.append(
                (
                    int(batch["user"][row]),
                    int(batch["request_timestamp"][row]),
                    tuple(batch["history_item"][row, :length]),
                    tuple(batch["candidate_item"][row, :count]),
                    tuple(batch["candidate_label"][row, :count]),
                )
            )
    return rows


def test_shuffling_changes_the_order_and_nothing_else(files):
    plain = requests(read(files))
    shuffled = requests(read(files, shuffle=True, seed=1))
    assert len(plain) == sum(len(r["request_timestamp"]) for r in make_records(users=USERS))
    assert plain != shuffled
    assert sorted(plain) == sorted(shuffled)


def test_a_seed_gives_one_order(files):
    first = requests(read(files, shuffle=True, seed=1))
    assert first == requests(read(files, shuffle=True, seed=1))
    assert first != requests(read(files, shuffle=True, seed=2))


def test_every_pass_has_another_order(files):
    dataset = request_dataset(
        files, record_spec(()), window=10, batch_size=8, pool_users=16, shuffle=True, seed=1
    )
    first, second = (
        requests([{k: v.numpy() for k, v in batch.items()} for batch in dataset]) for _ in range(2)
    )
    assert first != second
    assert sorted(first) == sorted(second)


def test_shuffled_batches_mix_users(files):
    users = [len(np.unique(batch["user"])) for batch in read(files, shuffle=True, seed=1)]
    assert np.mean(users) > 4


def test_a_batch_never_exceeds_its_size(files):
    sizes = [len(batch["user"]) for batch in read(files, shuffle=True)]
    assert max(sizes) == 8


@pytest.mark.parametrize("shuffle", [False, True])
def test_only_requests_of_a_period_are_read_and_their_histories_stay(files, shuffle):
    everything = requests(read(files))
    times = sorted(time for _, time, *_ in everything)
    # The first time is inside, the last one is not.
    between = (times[len(times) // 4], times[len(times) // 2])
    expected = [row for row in everything if between[0] <= row[1] < between[1]]
    assert 0 < len(expected) < len(everything)
    found = requests(read(files, shuffle=shuffle, between=between))
    assert sorted(found) == sorted(expected)


def test_periods_next_to_each_other_have_every_request_once(files):
    middle = START + 60 * DAY
    periods = [(START, middle), (middle, START + 91 * DAY)]
    parts = [requests(read(files, between=period)) for period in periods]
    assert sorted(parts[0] + parts[1]) == sorted(requests(read(files)))
    assert sum(map(len, parts)) == count_requests(files, record_spec(()))


def test_a_period_without_requests_has_no_batches(files):
    assert read(files, between=(0, START)) == []


def test_no_file_is_an_error_that_names_the_pattern(tmp_path):
    with pytest.raises(ValueError, match="no record file fits"):
        request_dataset([str(tmp_path / "none-*")], record_spec(()), window=10, batch_size=8)

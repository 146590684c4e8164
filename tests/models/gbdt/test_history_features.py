import numpy as np
import pytest

from lifelong.models.gbdt.history_features import FEATURES, Popularity, history_features
from lifelong.models.gbdt.record_rows import Events, Requests, join_events, read_records
from tests.sample_records import make_record, make_records, write_records

NAN = float("nan")


def events_of(rows):
    """Events from (user, position, item, category, timestamp)."""
    columns = np.array(rows, np.int64).reshape(-1, 5).T
    return Events(*columns)


def requests_of(requests, candidates):
    """Requests from (user, timestamp, history_events) and (request, item, category)."""
    user, timestamp, history_events = np.array(requests, np.int64).reshape(-1, 3).T
    request, item, category = np.array(candidates, np.int64).reshape(-1, 3).T
    label = np.zeros(len(request), np.float32)
    return Requests(user, timestamp, history_events, request, item, category, label)


# Item 10 of category 1 is met at 100, 400 and 1000, item 11 of the same category at 700.
EVENTS = events_of(
    [
        (3, 0, 10, 1, 100),
        (3, 1, 20, 2, 100),
        (3, 2, 10, 1, 400),
        (3, 3, 11, 1, 700),
        (3, 4, 10, 1, 1000),
        (4, 0, 10, 1, 50),
    ]
)


def features_of(requests, events=EVENTS, names=FEATURES):
    return history_features(requests, events, Popularity(EVENTS), names)


def test_values_are_those_computed_by_hand():
    requests = requests_of(
        [(3, 900, 4), (3, 2000, 5)],
        [(0, 10, 1), (0, 20, 2), (0, 11, 1), (1, 10, 1), (1, 99, 9)],
    )
    found = features_of(requests)
    assert found.names == FEATURES
    np.testing.assert_array_equal(
        found.values,
        [
            # item: count, recency, interval, popularity; category: the same; history_events
            [2, 500, 300, 4, 3, 200, 300, 5, 4],
            [1, 800, NAN, 1, 1, 800, NAN, 1, 4],
            [1, 200, NAN, 1, 3, 200, 300, 5, 4],
            [3, 1000, 450, 4, 4, 1000, 300, 5, 5],
            [0, NAN, NAN, 0, 0, NAN, NAN, 0, 5],
        ],
    )


def test_a_user_without_events_has_no_history_but_popular_items():
    found = features_of(requests_of([(8, 900, 0)], [(0, 10, 1)]))
    np.testing.assert_array_equal(found.values, [[0, NAN, NAN, 4, 0, NAN, NAN, 5, 0]])
    assert found.absent_events == 0


def test_other_users_events_do_not_count():
    found = features_of(requests_of([(4, 900, 1)], [(0, 10, 1), (0, 20, 2)]), names=["item_count"])
    assert found.values.tolist() == [[1], [0]]


def test_the_columns_are_those_asked_for_in_their_order():
    names = ("history_events", "item_count")
    found = features_of(requests_of([(3, 900, 4)], [(0, 10, 1)]), names=names)
    assert found.names == names
    assert found.values.tolist() == [[4, 2]]


def test_events_that_no_record_holds_are_counted_once():
    # Event 1 of user 3 is absent before both of its requests, event 3 before the second alone;
    # user 9 has two events and no record. The events from a cut on are not absent.
    held = Events(*(column[[0, 2, 4, 5]] for column in EVENTS))
    requests = requests_of(
        [(3, 600, 3), (3, 900, 4), (9, 900, 2), (4, 10, 0)], [(0, 10, 1), (2, 10, 1)]
    )
    found = features_of(requests, held, names=["item_count", "history_events"])
    assert found.absent_events == 4
    assert found.values.tolist() == [[2, 3], [0, 2]]


def test_any_int64_is_an_id():
    extremes = np.iinfo(np.int64)
    user, item, category = extremes.min, extremes.max, extremes.min + 1
    events = events_of([(user, 0, item, category, 100), (item, 0, user, item, 100)])
    requests = requests_of([(user, 300, 1)], [(0, item, category), (0, user, item)])
    found = features_of(requests, events, ["item_count", "item_recency", "category_count"])
    np.testing.assert_array_equal(found.values, [[1, 200, 1], [0, NAN, 0]])


def test_users_whose_ids_differ_in_the_highest_bits_are_apart():
    # Were ids multiplied by the number of items, 2 ** 62 would wrap to 0.
    events = events_of([(user, i, i, i, 100) for user in (0, 2**62) for i in range(3)])
    requests = requests_of([(2**62, 300, 3)], [(0, 1, 1)])
    assert features_of(requests, events, ["item_count"]).values.tolist() == [[1]]


def test_no_events_at_all():
    none = events_of([])
    found = history_features(
        requests_of([(3, 900, 0)], [(0, 10, 1)]), none, Popularity(none), ["item_count"]
    )
    assert found.values.tolist() == [[0]]


def test_an_unknown_feature_is_an_error():
    with pytest.raises(ValueError, match="'item_age' is not a feature; expected some of item_co"):
        features_of(requests_of([(3, 900, 4)], [(0, 10, 1)]), names=["item_age"])


def slow_features(record, request):
    """The same by loops over one record that holds a user's whole history."""
    cut, time = record["request_events"][request], record["request_timestamp"][request]
    first = record["request_candidates"][:request].sum()
    for place in range(first, first + record["request_candidates"][request]):
        row = []
        for kind in ("item", "category"):
            same = record[f"history_{kind}"][:cut] == record[f"candidate_{kind}"][place]
            times = record["history_timestamp"][:cut][same]
            row += [
                len(times),
                time - times[-1] if len(times) else NAN,
                np.mean(np.diff(times)) if len(times) > 1 else NAN,
            ]
        yield [*row, cut]


@pytest.fixture(scope="module")
def long_records():
    """Whole histories, so that items are met several times."""
    rng = np.random.default_rng(3)
    records = [make_record(rng, user, events=150, requests=12) for user in range(6)]
    return [record | {"events_before_record": [0]} for record in records]


NO_POPULARITY = [name for name in FEATURES if "popularity" not in name]


def test_values_are_those_of_plain_loops(long_records, tmp_path):
    events, requests = read_records([write_records(long_records, tmp_path / "all.gz")])
    found = features_of(requests, join_events([events]), NO_POPULARITY)
    expected = [
        row
        for record in long_records
        for request in range(len(record["request_timestamp"]))
        for row in slow_features(record, request)
    ]
    assert np.nanmax(found.values[:, 0]) > 3
    np.testing.assert_allclose(found.values, expected, rtol=1e-12)


def part_of(record, requests, window):
    """The record of some requests of a user, without the events that no window reaches."""
    cuts = record["request_events"][requests]
    skipped = max(int(cuts[0]) - window, 0)
    ends = np.cumsum(record["request_candidates"])
    first = ends[requests.start] - record["request_candidates"][requests.start]
    part = {"user": record["user"], "events_before_record": [skipped]}
    for key, values in record.items():
        if key.startswith("history_"):
            part[key] = values[skipped : cuts[-1]]
        elif key.startswith("request_"):
            part[key] = values[requests]
        elif key.startswith("candidate_"):
            part[key] = values[first : ends[requests.stop - 1]]
    part["request_events"] = cuts - skipped
    return part


def test_splits_and_chunks_together_give_the_whole_history(long_records, tmp_path):
    parts = {
        name: write_records([part_of(record, which, window) for record in long_records], path)
        for name, path, which, window in (
            ("train", tmp_path / "train.gz", slice(0, 5), 150),
            ("eval", tmp_path / "eval.gz", slice(5, 12), 20),
        )
    }
    whole = write_records(long_records, tmp_path / "whole")
    whole_events, whole_requests = read_records([whole])
    expected = features_of(whole_requests, join_events([whole_events])).values

    read = {name: read_records([path]) for name, path in parts.items()}
    assert read["eval"][0].position.min() > 0
    joined = join_events([events for events, _ in read.values()])
    is_late = np.arange(len(whole_requests.user)) % 12 >= 5
    found = features_of(read["eval"][1], joined)
    assert found.absent_events == 0
    np.testing.assert_array_equal(found.values, expected[is_late[whole_requests.request]])
    alone = features_of(read["eval"][1], join_events([read["eval"][0]]))
    assert alone.absent_events == sum(record["request_events"][5] - 20 for record in long_records)
    # The requests of train see nothing of what the records of eval add.
    alone = features_of(read["train"][1], join_events([read["train"][0]]))
    found = features_of(read["train"][1], joined)
    np.testing.assert_array_equal(found.values, alone.values)
    np.testing.assert_array_equal(found.values, expected[~is_late[whole_requests.request]])


def test_what_happens_from_the_request_on_changes_nothing(tmp_path):
    events, requests = read_records([write_records(make_records(), tmp_path / "all.gz")])
    events = join_events([events])
    before = features_of(requests, events)
    last = np.zeros(events.user.max() + 1, np.int64)
    np.maximum.at(last, requests.user, requests.history_events)
    late = events.position >= last[events.user]
    assert late.any()
    changed = events._replace(
        item=np.where(late, 10, events.item), timestamp=np.where(late, 0, events.timestamp)
    )
    np.testing.assert_array_equal(before.values, features_of(requests, changed).values)

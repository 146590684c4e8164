import numpy as np
import pytest
import tensorflow as tf

from lifelong.models.vocabulary_files import UNKNOWN
from tests.sample_models import SMALL


def test_the_most_recent_events_of_the_category_are_found(make_model, arguments, batch):
    model = make_model("sim_hard")
    wire, query, long = arguments(model, batch)
    found = model.long_term.search(wire, query, long)
    categories, valid = long.values["history_category"].numpy(), long.mask.numpy()
    counts = set()
    for row, column in np.ndindex(*query.shape[:2]):
        wanted = wire["candidate_category"][row, column].numpy()
        same = (categories[row] == wanted) & (wanted != UNKNOWN)
        expected = np.flatnonzero(same & valid[row])[: SMALL.searched_events]
        mask = found.mask[row, column].numpy()
        np.testing.assert_array_equal(found.position[row, column].numpy()[mask], expected)
        counts.add(len(expected))
    assert {0, 1} <= counts


def test_the_item_does_not_matter_to_the_search(make_model, arguments, batch):
    model = make_model("sim_hard")
    wire, query, long = arguments(model, batch)
    found = model.long_term.search(wire, query, long)
    wire = dict(wire, candidate_item=wire["candidate_item"] * 0)
    values = dict(long.values, history_item=long.values["history_item"] * 0)
    again = model.long_term.search(wire, query * 0, long._replace(values=values))
    for before, after in zip(found, again, strict=True):
        np.testing.assert_array_equal(before, after)


def test_unknown_categories_find_nothing_and_others_find_what_they_did(
    make_model, arguments, batch
):
    """They share a row, but are not the same category."""
    model = make_model("sim_hard")
    wire, query, long = arguments(model, batch)
    before = model.long_term.search(wire, query, long)
    was_three = wire["candidate_category"].numpy() == 3
    assert before.mask.numpy()[was_three].any()

    def without_three(categories):
        return tf.where(categories == 3, tf.constant(UNKNOWN, tf.int64), categories)

    wire = dict(wire, candidate_category=without_three(wire["candidate_category"]))
    categories = without_three(long.values["history_category"])
    long = long._replace(values=dict(long.values, history_category=categories))
    found = model.long_term.search(wire, query, long)
    assert not found.mask.numpy()[was_three].any()
    for one, other in zip(before, found, strict=True):
        np.testing.assert_array_equal(one.numpy()[~was_three], other.numpy()[~was_three])


@pytest.fixture
def told():
    """Rows of a request with two searched categories, 2 and 5, of three and one events."""
    return {
        "candidate_category": ids([[5, 2, 2, 2, 5, 5, UNKNOWN]]),
        "candidate_slot": ids([[1, 0, 1, -1, 2, 10**15, 2]]),
        "searched_category": ids([[2, 5, UNKNOWN]]),
        "searched_length": ids([[3, 1, 2]]),
        "searched_item": ids([[[11, 12, 13, 99], [21, 99, 99, 99], [31, 32, 99, 99]]]),
        "searched_timestamp": ids([[[9, 8, 7, 0], [6, 0, 0, 0], [5, 4, 0, 0]]]),
        "searched_price": tf.constant([[[0.5] * 4, [0.25] * 4, [0.0] * 4]]),
    }


def ids(values):
    return tf.constant(values, tf.int64)


def test_candidates_get_the_events_of_their_slot_if_it_holds_their_category(make_model, told):
    events = make_model("sim_hard").long_term.found_in_store(told)
    # The other slot's category, no slot (three ways), and a category that is unknown: nothing.
    expected = [[21], [11, 12, 13], [], [], [], [], []]
    items, times = (events.values[f"history_{key}"].numpy()[0] for key in ("item", "timestamp"))
    mask = events.mask.numpy()[0]
    assert mask.shape == (7, SMALL.searched_events)
    assert [row[valid].tolist() for row, valid in zip(items, mask, strict=True)] == expected
    assert times[0][mask[0]].tolist() == [6]
    assert times[1][mask[1]].tolist() == [9, 8, 7]
    np.testing.assert_array_equal(events.values["history_price"][0, :2, 0], [0.25, 0.5])
    np.testing.assert_array_equal(events.values["history_category"][0, :2, 0], [5, 2])


@pytest.mark.parametrize("slots", [0, 1])
def test_nothing_is_found_where_nothing_was_searched(make_model, told, slots):
    none = {key: v[:, :slots] if key.startswith("searched") else v for key, v in told.items()}
    events = make_model("sim_hard").long_term.found_in_store(none)
    found = events.mask.numpy()[0].sum(axis=1)
    assert found.tolist() == [0, 3 * slots, 0, 0, 0, 0, 0]

"""What all searches have in common: `best_events`, and the properties of each search as a layer."""

import numpy as np
import pytest
import tensorflow as tf

from lifelong.models.layers import SearchedEvents
from lifelong.models.layers.hamming_search import HammingSearch
from lifelong.models.layers.hard_search import HardSearch
from lifelong.models.layers.inner_product_search import InnerProductSearch
from lifelong.models.layers.neighbor_search import NeighborSearch
from lifelong.models.layers.searched_events import best_events, best_first

keras = tf.keras

LOWEST = np.finfo(np.float32).min


def few_ids(rng, *shape):
    return rng.integers(0, 6, shape)


def vectors(rng, *shape):
    # Small whole numbers: products are exact, and many are equal.
    return rng.integers(-2, 3, shape).astype(np.float32)


# Of each search: what makes candidates and histories, and their dimensions after [B, N] and [B, L].
SEARCHES = {
    HammingSearch: (few_ids, [2], [2]),
    HardSearch: (few_ids, [], []),
    InnerProductSearch: (vectors, [3], [3]),
    NeighborSearch: (few_ids, [4], []),
}
every_search = pytest.mark.parametrize("search", SEARCHES)


def make_arguments(search, rng, rows, candidates, length, valid=0.7):
    make, candidate, history = SEARCHES[search]
    return (
        make(rng, rows, candidates, *candidate),
        make(rng, rows, length, *history),
        rng.random((rows, length)) < valid,
    )


def specs(search, candidates=None, length=None):
    make, candidate, history = SEARCHES[search]
    dtype = tf.float32 if make is vectors else tf.int64
    return [
        tf.TensorSpec([None, candidates, *candidate], dtype),
        tf.TensorSpec([None, length, *history], dtype),
        tf.TensorSpec([None, length], tf.bool),
    ]


def test_best_events_by_hand(assert_found):
    scores = tf.constant([[[0.5, -3.0, 9.0, 2.0], [1.0, 1.0, 1.0, 1.0]]])
    found = best_events(scores, tf.constant([[True, True, False, True]]), k=4)
    mask = [[[True, True, True, False]] * 2]
    assert_found(found, ([[[3, 0, 1, 0], [0, 1, 3, 0]]], mask, [[[2, 0.5, -3, 0], [1, 1, 1, 0]]]))


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.int64, np.float16, np.float32, "float64"])
def test_best_events_of_any_type_equal_brute_force(rng, dtype, best_by_score, assert_found):
    for length in (1, 5, 40):
        for k in (1, 3, 40, 50):
            scores = rng.integers(-4, 5, (3, 4, length)).astype(dtype)
            mask = rng.random((3, length)) < [[0.0], [0.4], [1.0]]
            found = best_events(tf.constant(scores), tf.constant(mask), k)
            assert_found(found, best_by_score(scores.astype(float), mask, k))


def test_without_a_mask_every_score_counts(rng, best_by_score, assert_found):
    scores = rng.standard_normal((2, 3, 9)).astype(np.float32)
    expected = best_by_score(scores, np.ones((2, 9), bool), 4)
    assert_found(best_events(tf.constant(scores), None, 4), expected)


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_padding_never_wins_against_the_lowest_scores(k):
    # Valid scores of -inf and NaN count as the lowest number: the more recent one comes first.
    scores = tf.constant([[[np.inf, np.nan, 0.0, -np.inf, LOWEST], [0, 0, 0, 0, 0]]])
    mask = tf.constant([[False, True, False, True, True]])
    found = best_events(scores, mask, k)
    real = min(k, 3)
    np.testing.assert_array_equal(found.position[0, :, :real], [[1, 3, 4][:real]] * 2)
    np.testing.assert_array_equal(found.mask[0], [[True] * real + [False] * (k - real)] * 2)
    np.testing.assert_array_equal(found.relevance[0, 0], [LOWEST] * real + [0] * (k - real))


def test_one_candidates_nan_leaves_the_others_alone(rng):
    scores = rng.standard_normal((1, 3, 50)).astype(np.float32)
    expected = best_events(tf.constant(scores), None, 50)
    scores[0, 1, 7:20] = np.nan
    found = best_events(tf.constant(scores), None, 50)
    for tensor, before in zip(found, expected, strict=True):
        np.testing.assert_array_equal(tensor.numpy()[0, [0, 2]], before.numpy()[0, [0, 2]])
    assert found.mask.numpy().all()
    assert set(found.position.numpy()[0, 1, 37:]) == set(range(7, 20))


def test_gradients_reach_the_scores_that_were_found():
    scores = tf.Variable([[[1.0, 5.0, 3.0, 9.0]]])
    with tf.GradientTape() as tape:
        found = best_events(scores, tf.constant([[True, True, True, False]]), k=2)
        total = tf.reduce_sum(found.relevance * [10.0, 20.0])
    np.testing.assert_array_equal(tape.gradient(total, scores), [[[0, 10, 20, 0]]])


def test_best_first_keeps_the_order_of_ties_and_puts_what_is_no_event_last(assert_found):
    found = SearchedEvents(
        position=tf.constant([[[2, 0, 5, 7]]]),
        mask=tf.constant([[[True, False, True, True]]]),
        relevance=tf.constant([[[-3.0, 0.0, -1.0, -3.0]]]),
    )
    assert_found(
        best_first(found),
        ([[[5, 2, 7, 0]]], [[[True, True, True, False]]], [[[-1.0, -3.0, -3.0, 0.0]]]),
    )


# Few candidates are searched for in another way than many.
@pytest.mark.parametrize("candidates", [3, 31, 32, 40])
@pytest.mark.parametrize("jit_compile", [False, True])
def test_an_unordered_hamming_search_finds_the_same_events(rng, candidates, jit_compile):
    arguments = make_arguments(HammingSearch, rng, 2, candidates, 30)
    ordered = HammingSearch(7)(*arguments)
    found = HammingSearch(7, ordered=False, jit_compile=jit_compile)(*arguments)
    for tensor, expected in zip(best_first(found), ordered, strict=True):
        np.testing.assert_array_equal(tensor, expected)


@every_search
@pytest.mark.parametrize("k", [1, 3, 1000])
def test_k_is_capped_by_a_static_and_a_dynamic_length(rng, search, k, assert_found):
    layer = search(k)
    traced = tf.function(layer, input_signature=specs(search))
    for rows, candidates, length in ((1, 1, 0), (1, 2, 1), (2, 1, 2), (2, 3, 50), (0, 2, 3)):
        arguments = make_arguments(search, rng, rows, candidates, length)
        found = layer(*arguments)
        assert found.position.shape == (rows, candidates, min(k, length))
        assert_found(traced(*map(tf.constant, arguments)), found)


@every_search
def test_a_longer_list_begins_with_a_shorter_one(rng, search, assert_found):
    arguments = make_arguments(search, rng, 3, 4, 40)
    everything = search(k=40)(*arguments)
    for k in (1, 5, 39):
        assert_found(search(k)(*arguments), [tensor[:, :, :k] for tensor in everything])


@every_search
def test_found_events_are_valid_distinct_and_ordered(rng, search):
    candidate, history, mask = make_arguments(search, rng, 8, 5, 30, valid=0.4)
    found = search(12)(candidate, history, mask)
    position, real, relevance = (tensor.numpy() for tensor in found)
    assert real.any()
    assert not real.all()
    for cell in np.ndindex(*position.shape[:2]):
        events = position[cell][real[cell]]
        assert mask[cell[0], events].all()
        assert len(set(events)) == len(events)
        # Best first, ties by position; what is missing is at the end.
        order = [(-r, p) for r, p in zip(relevance[cell][real[cell]], events, strict=True)]
        assert order == sorted(order)
        assert (np.diff(real[cell].astype(int)) <= 0).all()
        assert not position[cell][~real[cell]].any()
        assert not relevance[cell][~real[cell]].any()


@every_search
def test_padding_content_changes_nothing(rng, search, assert_found):
    candidate, history, mask = make_arguments(search, rng, 3, 4, 20)
    layer = search(15)
    expected = layer(candidate, history, mask)
    hidden = mask.reshape(mask.shape + (1,) * (history.ndim - 2))
    paddings = [make_arguments(search, rng, 3, 4, 20)[1], history.dtype.type(99)]
    paddings += (
        [np.iinfo(np.int64).max, np.iinfo(np.int64).min, -1]
        if history.dtype == np.int64
        else [np.float32(np.nan), np.float32(np.inf), LOWEST]
    )
    for padding in paddings:
        assert_found(layer(candidate, np.where(hidden, history, padding), mask), expected)


@every_search
def test_nothing_is_found_in_an_empty_history(rng, search, assert_found):
    candidate, history, mask = make_arguments(search, rng, 2, 3, 7, valid=0.0)
    found = search(4)(candidate, history, mask)
    assert_found(found, (np.zeros((2, 3, 4)), np.zeros((2, 3, 4), bool), np.zeros((2, 3, 4))))


@every_search
def test_rows_and_candidates_do_not_influence_each_other(rng, search, assert_found):
    candidate, history, mask = make_arguments(search, rng, 4, 5, 30)
    layer = search(6)
    together = layer(candidate, history, mask)
    for row, column in np.ndindex(4, 5):
        one = slice(row, row + 1)
        alone = layer(candidate[one, column : column + 1], history[one], mask[one])
        assert_found(alone, [tensor[row, column][None, None] for tensor in together])


@every_search
def test_mixed_precision_changes_nothing(rng, search, mixed_precision, assert_found):
    arguments = make_arguments(search, rng, 2, 3, 20)
    # Products that 16 bits cannot hold apart, or at all
    if search is InnerProductSearch:
        arguments = (arguments[0] * 1e4, arguments[1] * 1.001, arguments[2])
    mixed = search(9)(*arguments)
    assert_found(mixed, search(9, dtype="float32")(*arguments))

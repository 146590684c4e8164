import numpy as np
import pytest
import tensorflow as tf

from lifelong.models.layers import HardSearch, SearchedEvents, pad_history

# Oldest first, as in a log.
ITEMS = [[5, 6, 7], [], [8]]


@pytest.fixture
def items():
    return tf.ragged.constant(ITEMS, dtype=tf.int64)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [[7, 6, 5], [0, 0, 0], [8, 0, 0]]),
        ({"length": 1}, [[7], [0], [8]]),
        ({"length": 2}, [[7, 6], [0, 0], [8, 0]]),
        ({"length": 3}, [[7, 6, 5], [0, 0, 0], [8, 0, 0]]),
        ({"length": 5}, [[7, 6, 5, 0, 0], [0, 0, 0, 0, 0], [8, 0, 0, 0, 0]]),
        ({"newest_first": True}, [[5, 6, 7], [0, 0, 0], [8, 0, 0]]),
        ({"newest_first": True, "length": 2}, [[5, 6], [0, 0], [8, 0]]),
        ({"newest_first": True, "length": 4}, [[5, 6, 7, 0], [0, 0, 0, 0], [8, 0, 0, 0]]),
    ],
)
@pytest.mark.parametrize("graph", [False, True])
def test_rows_are_padded_newest_first_and_keep_their_newest_events(items, options, expected, graph):
    def pad(history):
        return pad_history(history, **options)

    padded, mask = (tf.function(pad) if graph else pad)(items)
    assert padded.dtype == tf.int64
    assert padded.numpy().tolist() == expected
    # No item is 0, so that the zeros are the padding.
    np.testing.assert_array_equal(mask, np.array(expected) != 0)


def test_vectors_are_padded_with_zeros():
    vectors = tf.RaggedTensor.from_row_lengths([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], [2, 0, 1])
    padded, mask = pad_history(vectors)
    assert padded.numpy().tolist() == [[[3, 4], [1, 2]], [[0, 0], [0, 0]], [[5, 6], [0, 0]]]
    assert mask.numpy().tolist() == [[True, True], [False, False], [True, False]]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([["a", "b"], []], [[b"b", b"a"], [b"", b""]]),
        ([[True, False], []], [[False, True], [False, False]]),
        ([[0.5, 1.5], []], [[1.5, 0.5], [0.0, 0.0]]),
    ],
)
def test_every_type_of_value_is_padded(values, expected):
    assert pad_history(tf.ragged.constant(values))[0].numpy().tolist() == expected


@pytest.mark.parametrize("structure", [dict, tuple, list])
def test_columns_come_back_in_their_structure_under_one_mask(items, structure):
    # Not in alphabetical order: a dict's columns must not be exchanged.
    columns = {"price": tf.cast(items, tf.float32) / 2, "item": items}
    given = columns if structure is dict else structure(columns.values())
    padded, mask = pad_history(given, length=2)
    assert type(padded) is structure
    price, item = (padded["price"], padded["item"]) if structure is dict else padded
    assert item.numpy().tolist() == [[7, 6], [0, 0], [8, 0]]
    assert price.numpy().tolist() == [[3.5, 3.0], [0.0, 0.0], [4.0, 0.0]]
    assert mask.numpy().tolist() == [[True, True], [False, False], [True, False]]


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("rows", [0, 2])
@pytest.mark.parametrize(("length", "width"), [(3, 3), (None, 0)])
def test_an_empty_batch_and_rows_that_are_all_empty(rows, length, width, newest_first):
    lengths = tf.zeros([rows], tf.int64)
    item = tf.RaggedTensor.from_row_lengths(tf.zeros([0], tf.int64), lengths)
    vector = tf.RaggedTensor.from_row_lengths(tf.zeros([0, 4]), lengths)
    (item, vector), mask = pad_history((item, vector), length, newest_first)
    assert item.shape == mask.shape == (rows, width)
    assert vector.shape == (rows, width, 4)
    assert not mask.numpy().any()


def test_a_search_reads_histories_that_are_all_empty():
    padded, mask = pad_history(tf.ragged.constant([[], []], dtype=tf.int64))
    found = HardSearch(k=2)(tf.constant([[1], [2]], tf.int64), padded, mask)
    assert isinstance(found, SearchedEvents)
    assert found.mask.shape == (2, 1, 0)


def test_a_data_pipeline_gives_static_shapes_for_a_length():
    columns = {
        "item": tf.ragged.constant(ITEMS),
        "vector": tf.RaggedTensor.from_row_lengths(tf.ones([4, 6]), [3, 0, 1]),
    }
    batches = tf.data.Dataset.from_tensor_slices(columns).batch(2)
    padded, mask = batches.map(lambda columns: pad_history(columns, length=2)).element_spec
    assert padded["item"].shape.as_list() == mask.shape.as_list() == [None, 2]
    assert padded["vector"].shape.as_list() == [None, 2, 6]
    # Without a length, every batch is as wide as its longest row.
    widest = batches.map(lambda columns: pad_history(columns)[0]["item"])
    assert [batch.shape for batch in widest] == [(2, 3), (1, 1)]


def test_gradients_reach_the_events_that_are_kept():
    values = tf.Variable([[1.0], [2.0], [3.0], [4.0]])
    with tf.GradientTape() as tape:
        padded, _ = pad_history(tf.RaggedTensor.from_row_lengths(values, [3, 1]), length=2)
        total = tf.reduce_sum(padded * [[10.0], [20.0]])
    # The oldest of three is cut off, the newest is first.
    gradient = tf.convert_to_tensor(tape.gradient(total, values))
    assert gradient.numpy().tolist() == [[0.0], [20.0], [10.0], [10.0]]


def test_row_splits_may_be_of_either_type(items):
    narrow = items.with_row_splits_dtype(tf.int32)
    (first, second), mask = pad_history((narrow, items))
    np.testing.assert_array_equal(first, second)
    assert mask.numpy().sum() == 4


@pytest.mark.parametrize("others", [[[1, 2], [], [3, 4]], [[1, 2, 3], []]])
def test_columns_of_different_rows_are_refused(items, others):
    columns = {"item": items, "category": tf.ragged.constant(others)}
    # Graphs escape the quotes.
    message = r"`history\[.*category.*\]` has shape .* other row lengths than `history\[.*item"
    with pytest.raises(ValueError, match=message):
        pad_history(columns)
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        tf.function(pad_history)(columns)
    batches = tf.data.Dataset.from_tensors(columns).map(pad_history)
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        next(iter(batches))


@pytest.mark.parametrize(
    ("history", "message"),
    [
        ({}, "`history` is empty"),
        ([[1, 2], [3]], r"`history\[0\]` is of type list"),
        (tf.ones([2, 3]), "`history` is of type EagerTensor; expected a tf.RaggedTensor"),
        (
            {"item": tf.ragged.constant([[1]]), "price": tf.ones([1, 1])},
            r"`history\['price'\]` is of type EagerTensor",
        ),
        (
            (tf.ragged.constant([[[1], [2, 3]], []]),),
            r"`history\[0\]` has shape \(2, None, None\) and 2 ragged",
        ),
    ],
)
def test_what_is_no_ragged_history_is_refused(history, message):
    with pytest.raises(ValueError, match=message):
        pad_history(history)


@pytest.mark.parametrize("length", [0, -1, 2.5, True])
def test_a_length_that_is_none_is_refused(items, length):
    with pytest.raises(ValueError, match=f"pad_history: `length` is {length!r}; expected"):
        pad_history(items, length=length)

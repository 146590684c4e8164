import numpy as np
import pytest
import tensorflow as tf

from lifelong.data.ids import MISSING_ID
from lifelong.data.vocabulary import Vocabulary
from lifelong.models.config import ModelConfig, ModelSpec
from lifelong.models.item_features import (
    ItemEncoding,
    ItemFeatures,
    add_entries,
    find_entries,
)
from lifelong.models.vocabulary_files import NumberStatistics
from tests.sample_items import BRAND, FEATURES, IMAGE, PRICE

ITEMS = np.array([5, 9, 2**62])
TABLE = {
    "item": ITEMS,
    "item_brand": np.array([70, MISSING_ID, 71]),
    "item_price": np.array([1, 3, 0], np.float32),
    "item_image": np.arange(18, dtype=np.float32).reshape(3, 6),
}
ENCODING = ItemEncoding(
    {"item_brand": Vocabulary(np.array([71, MISSING_ID]), np.array([1, 1]))},
    {"item_price": NumberStatistics(1, 2), "item_image": NumberStatistics(0, 4)},
)
SPEC = ModelSpec(
    ModelConfig(feature_dim=2, item_dim=3), (), {"item_brand": 3}, {}, item_features=FEATURES
)


@pytest.fixture
def layer():
    layer = ItemFeatures(SPEC)
    layer(tf.constant([0]))
    layer.fill(TABLE, ENCODING)
    return layer


def test_an_entry_is_the_place_of_an_item_and_0_where_it_has_none():
    items = tf.constant([-1, 5, 9, 2**63 - 1], tf.int64)
    wanted = tf.constant([[9, 5, 0], [2**63 - 1, 7, 2**62]], tf.int64)
    assert find_entries(items, wanted).numpy().tolist() == [[2, 1, 0], [3, 0, 0]]
    assert find_entries(items, tf.zeros([2, 0], tf.int64)).shape == (2, 0)
    assert find_entries(items[:1], wanted).numpy().tolist() == [[0] * 3] * 2


def test_entries_are_added_to_what_has_raw_ids_once():
    items = tf.constant([-1, 5], tf.int64)
    batch = {"history_item_id": tf.constant([[5, 6]], tf.int64), "candidate_item": tf.constant([1])}
    added = add_entries(batch, items)
    assert added["history_item_entry"].numpy().tolist() == [[1, 0]]
    assert added.keys() == {*batch, "history_item_entry"}
    assert add_entries(added, items[:1])["history_item_entry"] is added["history_item_entry"]


def test_features_are_rows_standardised_numbers_and_projections(layer):
    found = layer(tf.constant([[1, 2], [3, 0]])).numpy()
    assert found.shape == (2, 2, 2 + 1 + 3)
    rows = layer.categorical["item_brand"].embeddings.numpy()
    # Brand 70 is unknown; the missing one has a row, as what is not in the table has.
    np.testing.assert_allclose(found[..., :2], rows[[[0, 2], [1, 2]]])
    np.testing.assert_allclose(found[..., 2], [[0, 1], [-0.5, -0.5]])
    vectors = np.concatenate([np.zeros((1, 6)), TABLE["item_image"]])[[[1, 2], [3, 0]]]
    np.testing.assert_allclose(
        found[..., 3:], vectors / 4 @ layer.projections["item_image"].kernel.numpy(), rtol=1e-5
    )
    given = layer.vectors("image", tf.constant([2, 0])).numpy()
    np.testing.assert_array_equal(given, [TABLE["item_image"][1], np.zeros(6)])


def test_the_values_are_no_weights_and_a_newer_table_takes_their_place(layer):
    names = [variable.name for variable in layer.weights]
    assert len(names) == 2, names
    traced = tf.function(layer, input_signature=[tf.TensorSpec([None], tf.int64)], autograph=False)
    before = traced(tf.constant([1], tf.int64)).numpy()
    newer = {key: np.concatenate([column[:1], column]) for key, column in TABLE.items()}
    newer["item"] = np.array([3, *ITEMS])
    layer.fill(newer, ENCODING)
    np.testing.assert_array_equal(traced(tf.constant([2], tf.int64)), before)
    assert layer.add_entries({"candidate_item_id": tf.constant([2**62])})[
        "candidate_item_entry"
    ].numpy().tolist() == [4]


def test_numbers_that_are_all_equal_and_vectors_of_zeros_say_nothing():
    layer = ItemFeatures(SPEC)
    flat = ENCODING._replace(
        statistics={"item_price": NumberStatistics(1, 0), "item_image": NumberStatistics(0, 0)}
    )
    layer(tf.constant([0]))
    layer.fill(TABLE, flat)
    assert not layer(tf.constant([1, 2])).numpy()[:, 2:].any()


def test_an_encoding_is_read_as_it_was_written(tmp_path):
    ENCODING.write(str(tmp_path))
    again = ItemEncoding.read(str(tmp_path), FEATURES)
    assert again.statistics == ENCODING.statistics
    assert again.vocabularies["item_brand"].ids.tolist() == [71, MISSING_ID]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"item_price": None}, "has no column item_price; it has item, item_brand, item_image"),
        (
            {"item_image": np.zeros((3, 4))},
            "item_image has vectors of 4 numbers .*, 6 in the model",
        ),
    ],
)
def test_a_table_that_does_not_fit_is_refused(layer, changes, message):
    table = {key: column for key, column in (TABLE | changes).items() if column is not None}
    with pytest.raises(ValueError, match=message):
        layer.fill(table, ENCODING)


def test_features_without_vectors_or_without_numbers():
    for feature, width in ((BRAND, 2), (PRICE, 1), (IMAGE, 3)):
        spec = ModelSpec(SPEC.model, (), {"item_brand": 3}, {}, item_features=(feature,))
        assert ItemFeatures(spec)(tf.constant([[0]])).shape == (1, 1, width)

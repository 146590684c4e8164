import functools

import numpy as np
import pytest
import tensorflow as tf

from lifelong.models.layers.searched_events import best_first
from lifelong.models.long_term import eta as part
from lifelong.models.row_blocks import table_in_blocks
from tests.sample_models import SMALL


@pytest.fixture
def model(make_model):
    return make_model("eta")


@pytest.fixture
def eta(model):
    return model.long_term


def test_looked_up_signatures_equal_hashed_ones(eta):
    rows = tf.constant([[0, 3], [70, 3]])
    hashed = eta.signatures(rows)
    (table,) = eta.bake()
    assert table.shape == (71, 1)
    assert table.dtype == tf.int64
    assert not table.trainable
    np.testing.assert_array_equal(hashed, eta.signatures(rows))


def test_signatures_that_are_baked_in_blocks_equal_those_of_all_items_at_once(eta, monkeypatch):
    expected = eta.signatures(tf.range(71))
    monkeypatch.setattr(part, "table_in_blocks", functools.partial(table_in_blocks, size=9))
    (table,) = eta.bake()
    np.testing.assert_array_equal(table, expected)


def test_a_baked_part_does_not_follow_its_embeddings_any_more(model, eta):
    rows = tf.range(71)
    before = eta.signatures(rows).numpy()
    eta.bake()
    table = model.embeddings.item.embeddings
    table.assign(-table)
    np.testing.assert_array_equal(before, eta.signatures(rows))


def test_signatures_follow_the_embeddings_while_training(model, eta):
    rows = tf.range(71)
    before = eta.signatures(rows).numpy()
    table = model.embeddings.item.embeddings
    table.assign(-table)
    assert (before != eta.signatures(rows).numpy()).all()


def test_the_events_of_the_smallest_hamming_distance_are_found(model, arguments, batch):
    wire, query, long = arguments(model, batch)
    found = model.long_term.search(wire, query, long)
    hashed = model.long_term.simhash(model.embeddings.item.embeddings).numpy()
    candidates, events = (
        hashed[items] for items in (wire["candidate_item"], long.values["history_item"])
    )
    differing = candidates[:, :, np.newaxis] ^ events[:, np.newaxis]
    distance = np.vectorize(lambda word: bin(int(word) % 2**64).count("1"))(differing)
    for row, column in np.ndindex(*query.shape[:2]):
        valid = np.flatnonzero(long.mask[row])
        order = valid[np.argsort(distance[row, column, valid, 0], kind="stable")]
        mask = found.mask[row, column].numpy()
        np.testing.assert_array_equal(
            np.sort(found.position[row, column].numpy()[mask]),
            np.sort(order[: SMALL.searched_events]),
        )


def test_events_of_the_candidates_own_item_are_found_first(model, arguments, batch):
    _, query, long = arguments(model, batch)
    found = best_first(model.long_term.search(batch, query, long))
    items = np.asarray(long.values["history_item"])
    for row, column in np.ndindex(*batch["candidate_item"].shape):
        same = items[row] == int(batch["candidate_item"][row, column])
        count = min(int((same & long.mask.numpy()[row]).sum()), SMALL.searched_events)
        relevance = found.relevance.numpy()[row, column]
        assert found.mask.numpy()[row, column, :count].all()
        assert (relevance[:count] == 0).all()


def test_categories_are_not_hashed(model, arguments, batch):
    wire, query, long = arguments(model, batch)
    found = model.long_term.search(wire, query, long)
    model.embeddings.category.embeddings.assign(-model.embeddings.category.embeddings)
    again = model.long_term.search(*arguments(model, batch))
    np.testing.assert_array_equal(found.position, again.position)

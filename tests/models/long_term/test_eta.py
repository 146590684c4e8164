import numpy as np
import pytest
import tensorflow as tf

from lifelong.models.embeddings import Embeddings
from lifelong.models.history import split_history
from lifelong.models.long_term import EtaLongTerm, NoLongTerm
from tests.sample_models import SMALL, small_spec


@pytest.fixture
def eta():
    tf.keras.utils.set_random_seed(1)
    spec = small_spec("eta")
    return EtaLongTerm(spec, Embeddings(spec))


def long_part(batch):
    return split_history(batch, SMALL.short_length, SMALL.long_length)[1]


def test_looked_up_signatures_equal_hashed_ones(eta):
    rows = tf.constant([[0, 3], [70, 3]])
    hashed = eta.signatures(rows)
    (table,) = eta.bake()
    assert table.shape == (71, 1)
    assert table.dtype == tf.int64
    assert not table.trainable
    np.testing.assert_array_equal(hashed, eta.signatures(rows))


def test_a_baked_part_does_not_follow_its_embeddings_any_more(eta):
    rows = tf.range(71)
    before = eta.signatures(rows).numpy()
    eta.bake()
    table = eta._embeddings.item.embeddings
    table.assign(-table)
    np.testing.assert_array_equal(before, eta.signatures(rows))


def test_signatures_follow_the_embeddings_while_training(eta):
    rows = tf.range(71)
    before = eta.signatures(rows).numpy()
    table = eta._embeddings.item.embeddings
    table.assign(-table)
    assert (before != eta.signatures(rows).numpy()).all()


def test_events_of_the_candidates_own_item_are_found_first(eta, batch):
    history = long_part(batch)
    found = eta.search(batch, history)
    items = np.asarray(history.values["history_item"])
    for row, column in np.ndindex(*batch["candidate_item"].shape):
        same = items[row] == int(batch["candidate_item"][row, column])
        count = min(int((same & history.mask.numpy()[row]).sum()), SMALL.searched_events)
        distance = found.distance.numpy()[row, column]
        assert (distance[:count] == 0).all()


def test_baking_what_has_no_table_gives_none():
    spec = small_spec("none")
    assert NoLongTerm(spec, Embeddings(spec)).bake() == []

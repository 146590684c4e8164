import numpy as np
import pytest
import tensorflow as tf

from lifelong.models.config import ModelSpec, SoftSearchConfig
from lifelong.models.soft_search.space import SearchSpace
from lifelong.models.vocabulary_files import UNKNOWN
from tests.sample_models import small_config

ITEMS, CATEGORIES, DIM = 6, 4, 3


@pytest.fixture
def space():
    tf.keras.utils.set_random_seed(1)
    config = small_config("sim_soft", soft_search=SoftSearchConfig(dim=DIM))
    return SearchSpace(ModelSpec(config, (), {"item": ITEMS, "category": CATEGORIES}, {}))


def rows(*values):
    return tf.constant(values, tf.int64)


def test_an_embedding_is_that_of_the_item_and_that_of_the_category(space):
    values = {"history_item": rows([1, 5]), "history_category": rows([0, 3])}
    embedded = space.embed(values, "history")
    items, categories = space.item.embeddings.numpy(), space.category.embeddings.numpy()
    expected = [[[*items[1], *categories[0]], [*items[5], *categories[3]]]]
    np.testing.assert_array_equal(embedded, expected)
    same = {"candidate_item": rows([1, 5]), "candidate_category": rows([0, 3])}
    np.testing.assert_array_equal(space.embed(same, "candidate"), embedded)


def test_events_and_candidates_have_projections_of_their_own(space):
    embedded = np.random.default_rng(0).normal(size=(2, 3, 2 * DIM)).astype(np.float32)
    # At first one rotation: products are those of the embeddings.
    product = tf.matmul(
        space.project_events(embedded), space.project_candidates(embedded), transpose_b=True
    )
    np.testing.assert_allclose(product, embedded @ embedded.transpose(0, 2, 1), atol=1e-4)
    kernel = np.random.default_rng(1).normal(size=space.event_kernel.shape)
    space.event_kernel.assign(kernel)
    np.testing.assert_allclose(space.project_events(embedded), embedded @ kernel, atol=1e-4)
    assert np.abs(space.project_candidates(embedded) - embedded @ kernel).max() > 0.1


def test_the_catalogue_holds_every_item_with_the_category_it_was_seen_with(space):
    categories = space.category(tf.range(CATEGORIES)).numpy()

    def assert_seen_with(*expected):
        catalogue = space.catalogue()(tf.range(ITEMS)).numpy()
        assert catalogue.shape == (ITEMS, 2 * DIM)
        np.testing.assert_array_equal(catalogue[:, :DIM], space.item.embeddings)
        np.testing.assert_array_equal(catalogue[:, DIM:], categories[list(expected)])

    assert_seen_with(0, 0, 0, 0, 0, 0)
    # The unknown item has no category, whatever it was seen with.
    everything = tf.ones([1, 3], tf.bool)
    space.note_categories(rows([1, 3, UNKNOWN]), rows([1, 2, 1]), everything)
    assert_seen_with(0, 1, 0, 2, 0, 0)
    space.note_categories(rows([1]), rows([2]), everything[:, :1])
    assert_seen_with(0, 2, 0, 2, 0, 0)


def test_padding_is_not_noted(space):
    items, categories = rows([0, 1], [2, 3]), rows([1, 1], [2, 2])
    space.note_categories(items, categories, tf.constant([[True, False], [False, False]]))
    np.testing.assert_array_equal(space.category_of_item, [1, 0, 0, 0, 0, 0])
    space.note_categories(items, categories, tf.zeros([2, 2], tf.bool))
    np.testing.assert_array_equal(space.category_of_item, [1, 0, 0, 0, 0, 0])


def test_categories_are_noted_not_trained(space):
    assert not space.category_of_item.trainable
    names = {variable.name.partition(":")[0] for variable in space.trainable_variables}
    assert {"event_kernel", "candidate_kernel"} <= {name.rpartition("/")[2] for name in names}

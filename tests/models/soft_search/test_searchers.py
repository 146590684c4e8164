import dataclasses
import functools

import numpy as np
import pytest
import tensorflow as tf

from lifelong.models.config import ModelSpec, SoftSearchConfig
from lifelong.models.history import History
from lifelong.models.row_blocks import row_blocks, table_in_blocks
from lifelong.models.soft_search import searchers
from lifelong.models.soft_search.searchers import SEARCHERS
from lifelong.models.soft_search.space import SearchSpace
from lifelong.models.vocabulary_files import UNKNOWN
from tests.sample_models import small_config

# The last row of both tables is that of unknown ones.
ITEMS, CATEGORIES = 120, 7
REQUESTS, CANDIDATES, EVENTS, FOUND = 6, 5, 80, 20


def configuration(**search):
    search = SoftSearchConfig(dim=8, **search)
    return small_config("sim_soft", soft_search=search, searched_events=FOUND)


@pytest.fixture(scope="module")
def space():
    """Vectors of unequal lengths and two different projections, as training makes them."""
    rng = np.random.default_rng(0)
    space = SearchSpace(ModelSpec(configuration(), (), {"item": ITEMS, "category": CATEGORIES}, {}))
    items = tf.range(ITEMS, dtype=tf.int64)
    space.embed({"history_item": items, "history_category": items % CATEGORIES}, "history")
    lengths = rng.uniform(0.2, 2, [ITEMS, 1])
    space.item.embeddings.assign(lengths * rng.normal(size=space.item.embeddings.shape))
    for kernel in (space.event_kernel, space.candidate_kernel):
        kernel.assign(kernel + rng.normal(0, 0.2, kernel.shape))
    known = items[1:]
    space.note_categories(known, known % (CATEGORIES - 1) + 1, tf.ones_like(known, tf.bool))
    return space


@pytest.fixture(scope="module")
def requests():
    """Wire tensors and histories; an item has one category. The last history is empty."""
    rng = np.random.default_rng(1)

    def ids(prefix, width):
        item = rng.integers(0, ITEMS, (REQUESTS, width))
        category = np.where(item == UNKNOWN, UNKNOWN, item % (CATEGORIES - 1) + 1)
        return {f"{prefix}_item": tf.constant(item), f"{prefix}_category": tf.constant(category)}

    mask = rng.random((REQUESTS, EVENTS)) < 0.8
    mask[-1] = False
    return ids("candidate", CANDIDATES), History(ids("history", EVENTS), tf.constant(mask))


def products(space, batch, history):
    """The inner products that the search approximates: `[B, N, L]`, -inf for padding."""
    candidates = space.project_candidates(space.embed(batch, "candidate")).numpy()
    events = space.project_events(space.embed(history.values, "history")).numpy()
    scores = np.einsum("bnd,bld->bnl", candidates, events)
    return np.where(history.mask.numpy()[:, np.newaxis], scores, -np.inf)


def best(scores):
    return -np.sort(-scores, axis=-1)[..., :FOUND]


def found_scores(scores, found):
    return np.take_along_axis(scores, found.position.numpy(), axis=-1)


def recall(scores, found):
    """The share of the exact search's events, those that score as high as its last included."""
    last = best(scores)[..., -1:]
    hits = (found_scores(scores, found) >= last - 1e-4) & found.mask.numpy()
    return hits[:-1].mean()


@pytest.mark.parametrize("served_by", SEARCHERS)
def test_what_is_found_are_distinct_valid_events(space, requests, served_by):
    batch, history = requests
    found = SEARCHERS[served_by](space, configuration(served_by=served_by)).search(batch, history)
    assert found.mask.numpy()[:-1].any()
    assert not found.mask.numpy()[-1].any()
    for row, column in np.ndindex(REQUESTS, CANDIDATES):
        mask = found.mask[row, column].numpy()
        position = found.position[row, column].numpy()[mask]
        assert len(set(position)) == len(position)
        assert history.mask.numpy()[row, position].all()


@pytest.mark.parametrize("served_by", SEARCHERS)
def test_tables_are_not_trained_and_do_not_follow_the_space(space, requests, served_by):
    searcher = SEARCHERS[served_by](space, configuration(served_by=served_by))
    before = searcher.search(*requests)
    assert searcher.tables
    assert not any(table.trainable for table in searcher.tables)
    kernel = space.event_kernel.numpy()
    space.event_kernel.assign(-kernel)
    after = searcher.search(*requests)
    space.event_kernel.assign(kernel)
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("served_by", ["alsh", "index"])
def test_tables_made_in_blocks_equal_those_of_all_items_at_once(space, served_by, monkeypatch):
    def tables(size):
        for name, function in {
            "row_blocks": row_blocks,
            "table_in_blocks": table_in_blocks,
        }.items():
            of_size = functools.partial(function, size=size)
            monkeypatch.setattr(
                searchers, name, lambda *arguments, size=None, make=of_size: make(*arguments)
            )
        return SEARCHERS[served_by](space, configuration(served_by=served_by, clusters=9)).tables

    for one, other in zip(tables(ITEMS), tables(7), strict=True):
        np.testing.assert_array_equal(one, other)


def test_exact_finds_the_largest_inner_products(space, requests):
    searcher = SEARCHERS["exact"](space, configuration())
    found = searcher.search(*requests)
    scores = products(space, *requests)
    expected = best(scores)
    np.testing.assert_array_equal(found.mask, np.isfinite(expected))
    np.testing.assert_allclose(found.relevance[:-1], expected[:-1], atol=1e-3)
    np.testing.assert_allclose(found_scores(scores, found)[:-1], expected[:-1], atol=1e-3)
    sizes = sorted(tuple(table.shape) for table in searcher.tables)
    assert sizes == [(CATEGORIES, 16)] * 2 + [(ITEMS, 16)] * 2


def test_exact_takes_each_events_own_category(space, requests):
    """Not the one that the catalogue has for its item."""
    batch, history = requests
    other = (history.values["history_category"] + 1) % CATEGORIES
    history = history._replace(values=dict(history.values, history_category=other))
    found = SEARCHERS["exact"](space, configuration()).search(batch, history)
    expected = best(products(space, batch, history))
    np.testing.assert_allclose(found.relevance[:-1], expected[:-1], atol=1e-3)


@pytest.fixture
def compare_all(monkeypatch):
    """Has the index compare every event of the nearest clusters."""
    monkeypatch.setattr(searchers, "_COMPARED", EVENTS)


@pytest.mark.usefixtures("compare_all")
def test_an_index_whose_clusters_are_all_near_finds_what_exact_search_finds(space, requests):
    everything = SEARCHERS["index"](space, configuration(clusters=10, searched_clusters=10))
    found, scores = everything.search(*requests), products(space, *requests)
    np.testing.assert_array_equal(found.mask, np.isfinite(best(scores)))
    np.testing.assert_allclose(found.relevance[:-1], best(scores)[:-1], atol=1e-3)
    np.testing.assert_allclose(found_scores(scores, found)[:-1], best(scores)[:-1], atol=1e-3)


def test_an_index_has_one_cluster_for_each_item_at_most(space):
    tables = SEARCHERS["index"](
        space, configuration(clusters=9 * ITEMS, searched_clusters=5 * ITEMS)
    ).tables
    cluster, nearest = tables[-2:]
    assert nearest.shape == (ITEMS, ITEMS)
    assert sorted(cluster.numpy()) == [*range(ITEMS)]


def index_tables(space, searched):
    """Returns the cluster of each item, and the clusters of each candidate, of 10 clusters."""
    searcher = SEARCHERS["index"](space, configuration(clusters=10, searched_clusters=searched))
    return searcher, *(table.numpy() for table in searcher.tables[-2:])


def test_an_index_holds_the_clusters_whose_centers_are_nearest(space, monkeypatch):
    catalogue = space.catalogue()(tf.range(ITEMS))
    events = space.project_events(catalogue).numpy()
    centers = events[5:15]
    monkeypatch.setattr(searchers, "find_centers", lambda vectors, count: tf.constant(centers))
    _, cluster, nearest = index_tables(space, searched=4)
    distances = np.linalg.norm(events[:, np.newaxis] - centers, axis=-1)
    np.testing.assert_array_equal(cluster, distances.argmin(axis=-1))
    scores = space.project_candidates(catalogue).numpy() @ centers.T
    expected = -np.sort(-scores, axis=1)[:, :4]
    np.testing.assert_allclose(np.take_along_axis(scores, nearest, 1), expected, atol=1e-3)


@pytest.mark.usefixtures("compare_all")
def test_an_index_finds_the_best_events_of_the_nearest_clusters(space, requests):
    batch, history = requests
    searcher, cluster, nearest = index_tables(space, searched=2)
    found = searcher.search(batch, history)
    of_events = cluster[history.values["history_item"].numpy()]
    near = nearest[batch["candidate_item"].numpy()]
    # [B, N, L]
    among = (of_events[:, np.newaxis, :, np.newaxis] == near[:, :, np.newaxis]).any(axis=-1)
    scores = np.where(among, products(space, batch, history), -np.inf)
    np.testing.assert_array_equal(found.mask, np.isfinite(best(scores)))
    assert 0 < found.mask.numpy().mean() < 1
    expected = np.where(found.mask, best(scores), 0)
    np.testing.assert_allclose(found.relevance, expected, atol=1e-3)


def test_an_index_compares_the_first_events_of_the_nearest_clusters_only(space, requests):
    """Of 80 events, 3 for the one that is to be found."""
    batch, history = requests
    config = dataclasses.replace(
        configuration(clusters=10, searched_clusters=10), searched_events=1
    )
    searcher = SEARCHERS["index"](space, config)
    cluster, nearest = (table.numpy() for table in searcher.tables[-2:])
    found, scores = searcher.search(batch, history), products(space, batch, history)
    for row, column in np.ndindex(REQUESTS - 1, CANDIDATES):
        of_events = cluster[history.values["history_item"].numpy()[row]]
        # The place of each event's cluster in the list of the candidate
        place = nearest[batch["candidate_item"].numpy()[row, column]].argsort()[of_events]
        place = np.where(history.mask.numpy()[row], place, len(nearest))
        first = place.argsort(kind="stable")[:3]
        assert found.relevance.numpy()[row, column, 0] == pytest.approx(
            scores[row, column, first].max(), abs=1e-3
        )


@pytest.mark.usefixtures("compare_all")
def test_more_clusters_and_more_bits_find_more_of_the_exact_search(space, requests):
    scores = products(space, *requests)
    by_bits, by_clusters = (
        [
            recall(
                scores,
                SEARCHERS[name](space, configuration(**changes, **{option: size})).search(
                    *requests
                ),
            )
            for size in sizes
        ]
        for name, option, sizes, changes in (
            ("alsh", "alsh_bits", (8, 64, 1024), {}),
            ("index", "searched_clusters", (1, 4, 10), {"clusters": 10}),
        )
    )
    # By chance it is FOUND of about 64 valid events.
    assert by_bits[0] < by_bits[1] < by_bits[2]
    assert by_bits[1] > 0.5
    assert by_bits[2] > 0.8
    assert by_clusters[0] < by_clusters[1] < by_clusters[2] == 1


def test_the_scale_of_the_space_does_not_matter_to_alsh(space, requests):
    """Lengths count against the longest event, not against a fixed number."""
    found = SEARCHERS["alsh"](space, configuration(alsh_bits=256)).search(*requests)
    tables = [space.item.embeddings, space.category.embeddings]
    for table in tables:
        table.assign(table * 8)
    scaled = SEARCHERS["alsh"](space, configuration(alsh_bits=256)).search(*requests)
    for table in tables:
        table.assign(table / 8)
    np.testing.assert_array_equal(scaled.position, found.position)

"""Searches in vectors that the item table gives: `eta` by their angle, `sim_soft` by inner products."""

import numpy as np
import pytest
import tensorflow as tf

from lifelong.models.config import ModelConfig, ModelSpec, SoftSearchConfig
from lifelong.models.history import split_history
from lifelong.models.long_term.given_vectors import GivenVectorsLongTerm
from tests.sample_items import FEATURES, item_table, model_with_items, write_source
from tests.sample_models import SMALL


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return write_source(tmp_path_factory.mktemp("items"), item_table(), FEATURES)


@pytest.fixture
def make(transform_output, source):
    def made(long_term):
        return model_with_items(long_term, transform_output, source, search_vectors="image")

    return made


@pytest.fixture(scope="module")
def raw(batch):
    """Requests with raw ids beside rows; all rows are that of unknown items: only vectors tell."""
    ids = {f"{owner}_item_id": batch[f"{owner}_item"] for owner in ("history", "candidate")}
    rows = {
        f"{owner}_item": tf.zeros_like(batch[f"{owner}_item"]) for owner in ("history", "candidate")
    }
    return {**batch, **ids, **rows}


def search(model, raw):
    batch = model.look_up(raw)
    _, long = split_history(batch, SMALL.short_length, SMALL.long_length)
    return model.long_term.search(batch, None, long), batch, long


def vectors_of(ids):
    table = item_table()
    place = {int(item): number for number, item in enumerate(table["item"])}
    image = np.concatenate([table["item_image"], np.zeros((1, 6))])
    return image[np.vectorize(lambda i: place.get(int(i), -1))(ids)]


def test_sim_soft_finds_the_largest_inner_products(make, raw):
    model = make("sim_soft")
    assert isinstance(model.long_term, GivenVectorsLongTerm)
    assert not model.long_term.bake()
    found, batch, long = search(model, raw)
    events = vectors_of(long.values["history_item_id"].numpy())
    candidates = vectors_of(batch["candidate_item_id"].numpy())
    products = np.einsum("bnd,bld->bnl", candidates, events)
    products = np.where(long.mask.numpy()[:, np.newaxis], products, -np.inf)
    best = -np.sort(-products, axis=-1)[..., : SMALL.searched_events]
    chosen = np.take_along_axis(products, found.position.numpy(), axis=-1)
    chosen = np.where(found.mask, chosen, -np.inf)
    np.testing.assert_allclose(-np.sort(-chosen, axis=-1), best, rtol=1e-4)


def test_eta_finds_the_nearest_signatures_of_given_vectors_baked_and_not(make, raw):
    model = make("eta")
    unbaked, _, long = search(model, raw)
    scores = model(raw).numpy()
    (table,) = model.long_term.bake()
    assert table.shape[0] == 1 + len(item_table()["item"])
    baked, _, _ = search(model, raw)
    for before, after in zip(unbaked, baked, strict=True):
        np.testing.assert_array_equal(before, after)
    np.testing.assert_array_equal(model(raw), scores)
    # The candidate's own item has its signature, whatever the model has learnt.
    ids = long.values["history_item_id"].numpy()
    found = np.take_along_axis(ids[:, np.newaxis], unbaked.position.numpy(), axis=-1)
    wanted = raw["candidate_item_id"].numpy()[:, :, np.newaxis]
    valid = long.mask.numpy()
    had = (np.where(valid, ids, -1)[:, np.newaxis] == wanted).any(axis=-1) & (
        vectors_of(wanted[..., 0]).any(-1)
    )
    assert had.any()
    assert ((found == wanted) & unbaked.mask.numpy()).any(axis=-1)[had].all()


@pytest.mark.parametrize(
    ("changes", "features", "message"),
    [
        ({"long_term": "sim_hard"}, FEATURES, "only eta and sim_soft search in vectors"),
        ({"search_vectors": "price"}, FEATURES, r"'price', which is no vector of items \(image\)"),
        ({}, (), r"'image', which is no vector of items \(there are none\)"),
        (
            {"long_term": "sim_soft", "soft_search": SoftSearchConfig(served_by="alsh")},
            FEATURES,
            "served_by is 'alsh', but the vectors .* are searched as they are",
        ),
    ],
)
def test_what_cannot_be_searched_is_refused(changes, features, message):
    fields = {"long_term": "eta", "search_vectors": "image", **changes}
    with pytest.raises(ValueError, match=message):
        ModelSpec(ModelConfig(**fields), (), {}, {}, item_features=features)

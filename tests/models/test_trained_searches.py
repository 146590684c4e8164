import numpy as np
import pytest

from lifelong.models.ctr_model import CTRModel
from lifelong.models.history import split_history
from lifelong.models.recall import recall
from lifelong.models.trained import build
from lifelong.models.trained_searches import eta_searches, soft_searches
from tests.sample_models import RECORDS, SMALL, all_requests, small_spec


def spread(long_term):
    """Returns a small model whose vectors differ much."""
    model = CTRModel(small_spec(long_term))
    build(model)
    rng = np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign(rng.normal(0, 1, variable.shape))
    return model


@pytest.fixture(scope="module")
def batch():
    return all_requests(RECORDS)


def recall_of(search, score, batch):
    """Returns the mean recall of the candidates of requests with more than K long events."""
    _, history = split_history(batch, SMALL.short_length, SMALL.long_length)
    k = SMALL.searched_events
    shares = recall(search(batch, history), score(batch, history).numpy(), history.mask.numpy(), k)
    many = history.mask.numpy().sum(axis=1) > k
    assert many.any()
    return shares[many].mean()


def test_eta_compares_inner_products_and_cosines_of_item_embeddings(batch):
    model = spread("eta")
    searches = eta_searches(model, bits=(64, 2048))
    _, history = split_history(batch, SMALL.short_length, SMALL.long_length)
    table = model.embeddings.item.embeddings.numpy()
    candidate = table[batch["candidate_item"].numpy()[3, 0]]
    event = table[history.values["history_item"].numpy()[3, 1]]
    product = searches.scores["inner product"](batch, history).numpy()[3, 0, 1]
    assert product == pytest.approx(candidate @ event, rel=1e-4)
    cosine = product / np.linalg.norm(candidate) / np.linalg.norm(event)
    found = searches.scores["cosine"](batch, history).numpy()[3, 0, 1]
    assert found == pytest.approx(cosine, rel=1e-4)


def test_eta_exact_search_finds_all_and_more_bits_find_more_by_the_angle(batch):
    searches = eta_searches(spread("eta"), bits=(8, 2048))
    assert recall_of(searches.exact, searches.scores["inner product"], batch) == 1
    cosine = searches.scores["cosine"]
    few, many = (recall_of(search, cosine, batch) for search in searches.approximate.values())
    assert few < many
    assert many > 0.95
    # It is the angle that signatures tell.
    (_, search) = searches.approximate.values()
    assert recall_of(search, searches.scores["inner product"], batch) < many


def test_signatures_of_as_many_bits_as_trained_are_the_models_own(batch):
    model = spread("eta")
    (search,) = eta_searches(model, bits=(SMALL.signature_bits,)).approximate.values()
    _, history = split_history(batch, SMALL.short_length, SMALL.long_length)
    own = model.long_term.search(batch, model.embeddings.candidates(batch), history)
    np.testing.assert_array_equal(search(batch, history).position, own.position)


def test_soft_searches_are_approximations_of_inner_products(batch):
    model = spread("sim_soft")
    space = model.long_term.space
    items = model.spec.vocabulary_sizes["item"]
    # As in the records.
    space.category_of_item.assign(np.arange(items) % 7)
    searches = soft_searches(model, bits=(8, 2048), clusters=((10, 1), (10, 10)))
    score = searches.scores["inner product"]
    assert recall_of(searches.exact, score, batch) == 1
    recalls = {name: recall_of(s, score, batch) for name, s in searches.approximate.items()}
    assert recalls["ALSH of 8 bits"] < recalls["ALSH of 2048 bits"]
    assert recalls["ALSH of 2048 bits"] > 0.85
    assert recalls["index of 10 clusters, the nearest 1"] < 0.5
    # All are searched, and as many events compared as there are.
    assert recalls["index of 10 clusters, the nearest 10"] == 1

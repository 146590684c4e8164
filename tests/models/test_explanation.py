import numpy as np
import pytest
import tensorflow as tf

from lifelong.models.explanation import Explanation
from lifelong.models.long_term import LONG_TERM_PARTS
from tests.sample_models import RECORDS, SMALL, all_requests, small_spec, spread

S, L, K, H = SMALL.short_length, SMALL.long_length, SMALL.searched_events, SMALL.heads
OWN = {"sim_hard": "hard", "sim_soft": "soft", "eta": "eta"}


@pytest.fixture(scope="module")
def batch():
    """Requests with rows of ids, histories shorter and longer than S + L."""
    batch = all_requests(RECORDS)
    assert (batch["history_length"] <= S).numpy().any()
    assert (batch["history_length"] >= S + L).numpy().any()
    return batch


@pytest.fixture(scope="module", params=LONG_TERM_PARTS)
def explained(request, batch):
    """The name of a long-term part, its model, and what explains the requests."""
    model = spread(small_spec(request.param))
    return request.param, model, Explanation(model).explain(batch)


def test_logits_are_those_of_the_model(explained, batch):
    _, model, outputs = explained
    np.testing.assert_allclose(outputs["logits"], model(batch), atol=1e-5)


def test_without_the_long_part_nothing_else_is_changed(explained, batch):
    """As if no event of the long part had been sent, while the length of the history is told."""
    name, model, outputs = explained
    short = {
        key: value[:, :S] if key.startswith("history_") and key != "history_length" else value
        for key, value in batch.items()
    }
    np.testing.assert_allclose(outputs["logits_without_long_term"], model(short), atol=1e-5)
    differ = np.abs(outputs["logits"] - outputs["logits_without_long_term"]).max(axis=1) > 1e-4
    long = batch["history_length"].numpy() > S
    assert not differ[~long].any()
    assert differ[long].any() == (name != "none")


def test_every_search_finds_events_of_the_long_part_alone(explained, batch):
    _, _, outputs = explained
    length = batch["history_length"].numpy()[:, np.newaxis, np.newaxis]
    for search in ("hard", "soft", "eta"):
        position = outputs[f"{search}_position"].numpy()
        assert position.shape == (*batch["candidate_item"].shape, K)
        found = position >= 0
        assert (position[~found] == -1).all()
        assert (position[found] >= S).all()
        assert (position < np.minimum(length, S + L)).all()
        assert found.any()
        for row in position.reshape(-1, K):
            assert len(set(row[row >= 0])) == np.count_nonzero(row >= 0)


def test_hard_search_finds_the_latest_events_of_the_category(explained, batch):
    position = explained[2]["hard_position"].numpy()
    categories, lengths = batch["history_category"].numpy(), batch["history_length"].numpy()
    for request, candidates in enumerate(batch["candidate_category"].numpy()):
        places = np.arange(S, min(lengths[request], S + L))
        for n, category in enumerate(candidates[: int(batch["candidate_length"][request])]):
            wanted = [p for p in places if categories[request, p] == category and category][:K]
            assert [p for p in position[request, n] if p >= 0] == wanted


def test_soft_and_eta_rank_by_the_models_own_item_vectors(batch):
    """In a model of SIM hard, which has no such search itself."""
    model = spread(small_spec("sim_hard"))
    outputs = Explanation(model).explain(batch)
    request = int(np.argmax(batch["history_length"]))
    vectors = model.embeddings.items(batch["history_item"][request, S : S + L]).numpy()
    candidate = model.embeddings.items(batch["candidate_item"][request, 0]).numpy()
    products = vectors @ candidate
    np.testing.assert_allclose(
        outputs["soft_relevance"][request, 0], np.sort(products)[::-1][:K], rtol=1e-5
    )
    found = outputs["eta_position"][request, 0].numpy() - S
    distance = -outputs["eta_relevance"][request, 0].numpy()
    bits = small_spec("sim_hard").model.signature_bits
    assert ((distance >= 0) & (distance <= bits)).all()
    same = np.all(vectors[found] == candidate, axis=1)
    assert (distance[same] == 0).all()


@pytest.mark.parametrize("name", OWN)
def test_a_models_own_search_is_the_one_of_its_name(name, batch):
    model = spread(small_spec(name))
    outputs = Explanation(model).explain(batch)
    for what in ("position", "relevance"):
        np.testing.assert_array_equal(outputs[f"searched_{what}"], outputs[f"{OWN[name]}_{what}"])


def test_attention_weighs_what_is_attended_to(explained, batch):
    name, _, outputs = explained
    if name in ("none", "mean", "sdim", "mimn"):
        assert "attention" not in outputs
        assert "searched_position" not in outputs
        return
    found = outputs["searched_position"].numpy() >= 0
    width = L if name == "full" else K
    assert outputs["attention"].shape == (*batch["candidate_item"].shape, H, width)
    # One head after the other.
    for weights in np.moveaxis(outputs["attention"].numpy(), 2, 0):
        assert (weights[~found] == 0).all()
        np.testing.assert_allclose(weights.sum(axis=-1), found.any(axis=-1), atol=1e-5)


def test_attention_times_the_events_is_what_the_head_reads(batch):
    model = spread(small_spec("full", head_reads_items=True))
    part = model.long_term
    _, long = model.split_history(batch)
    query = model.embeddings.candidates(batch)
    weights = part.attention(batch, query, long, part.attended(batch, query, long))
    gaps = batch["request_timestamp"][:, tf.newaxis] - long.values["history_timestamp"]
    events = model.embeddings.read_by_head(part.timed_events(long.values, gaps))
    summed = tf.einsum("bnhl,bld->bnhd", weights, events)
    shape = [*query.shape[:2], -1]
    np.testing.assert_allclose(tf.reshape(summed, shape), part(batch, query, long), atol=1e-4)

import dataclasses

import numpy as np
import pytest

from lifelong.models.config import ModelConfig
from lifelong.models.ctr_model import CTRModel
from lifelong.models.head import Head
from lifelong.models.trained import build
from tests.sample_models import RECORDS, all_requests, small_spec

SIZE = 5


def test_a_head_is_crosses_then_hidden_layers_then_the_logit():
    config = ModelConfig(cross_layers=2, cross_dim=3, hidden=(4,), dropout=0.0)
    head = Head(config)
    x = np.random.default_rng(0).normal(size=(2, 3, SIZE)).astype(np.float32)
    found = head(x).numpy()
    assert found.shape == (2, 3)
    weights = [w.numpy() for w in head.weights]
    (u1, v1, b1), (u2, v2, b2) = weights[0:3], weights[3:6]
    kernel, bias, last, last_bias = weights[6:]
    assert u1.shape == (SIZE, 3)
    # DCN V2, equation 2: the inputs times a projection of what came so far, plus what came so far.
    one = x * (x @ u1 @ v1 + b1) + x
    two = x * (one @ u2 @ v2 + b2) + one
    hidden = np.maximum(two @ kernel + bias, 0)
    np.testing.assert_allclose(found, (hidden @ last + last_bias)[..., 0], rtol=1e-4, atol=1e-5)


def test_layers_can_be_left_out():
    head = Head(ModelConfig(cross_layers=0, hidden=()))
    x = np.ones((1, 2, SIZE), np.float32)
    kernel, bias = head(x) is not None and [w.numpy() for w in head.weights]
    np.testing.assert_allclose(head(x), x @ kernel[:, 0] + bias, rtol=1e-6)


def test_dropout_leaves_inputs_alone():
    head = Head(ModelConfig(cross_layers=1, cross_dim=2, hidden=(), dropout=0.9))
    x = np.ones((1, 2, SIZE), np.float32)
    np.testing.assert_array_equal(head(x, training=True), head(x, training=False))


@pytest.fixture(scope="module")
def batch():
    return all_requests(RECORDS)


def scores_with_other_items(part, batch, **changes):
    """Scores of a batch, and of one whose candidates and recent events are of other items."""
    model = CTRModel(small_spec(part, user_dim=0, **changes))
    build(model)
    rng = np.random.default_rng(3)
    for variable in model.trainable_variables:
        variable.assign(rng.normal(0, 0.5, variable.shape))
    others = {
        key: (value + 1) % 71 if key in ("candidate_item", "history_item") else value
        for key, value in batch.items()
    }
    return model(batch).numpy(), model(others).numpy()


@pytest.mark.parametrize("part", ["none", "mean"])
@pytest.mark.parametrize("reads", [False, True])
def test_items_are_read_by_the_head_only_if_it_may(part, reads, batch):
    # Without a short part, nothing attends by items.
    given, others = scores_with_other_items(part, batch, short_length=0, head_reads_items=reads)
    assert np.array_equal(given, others) is not reads


@pytest.mark.parametrize("short_term", ["multi_head", "target_attention"])
def test_items_still_decide_what_is_attended_to(short_term, batch):
    given, others = scores_with_other_items(
        "none", batch, short_term=short_term, head_reads_items=False
    )
    assert not np.allclose(given, others)


def test_a_configuration_without_a_rank_is_refused():
    with pytest.raises(ValueError, match=r"model\.cross_dim is 0; it must be at least 1"):
        dataclasses.replace(ModelConfig(), cross_dim=0)

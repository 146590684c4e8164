import numpy as np
import pytest
import tensorflow as tf

from lifelong.models.soft_search.auxiliary_loss import AuxiliaryClickLoss, click_loss

DIM = 4


@pytest.fixture
def loss():
    tf.keras.utils.set_random_seed(1)
    loss = AuxiliaryClickLoss(DIM)
    rng = np.random.default_rng(2)
    for variable in loss.trainable_variables:
        variable.assign(rng.normal(0, 0.7, variable.shape))
    return loss


@pytest.fixture
def inputs():
    """Events, their projections, mask, candidates and their projections; one history is empty."""
    rng = np.random.default_rng(0)
    mask = np.array([[True, True, False, True, False], [False] * 5])
    return [
        rng.normal(size=(2, 5, DIM)).astype(np.float32),
        rng.normal(size=(2, 5, 3)).astype(np.float32),
        mask,
        rng.normal(size=(2, 3, DIM)).astype(np.float32),
        rng.normal(size=(2, 3, 3)).astype(np.float32),
    ]


def one_by_one(loss, events, projected_events, mask, candidates, projected_candidates):
    """The article's U_r, one candidate and event at a time, and the head network over it."""
    logits = np.zeros(candidates.shape[:2])
    for row, column in np.ndindex(*logits.shape):
        interest = np.zeros(DIM)
        for event in np.flatnonzero(mask[row]):
            relevance = projected_events[row, event] @ projected_candidates[row, column]
            interest += relevance * events[row, event]
        interest /= np.sqrt(max(mask[row].sum(), 1))
        hidden, last = loss.head.layers
        features = np.concatenate([interest, candidates[row, column]])
        activation = np.maximum(features @ hidden.kernel.numpy() + hidden.bias.numpy(), 0)
        logits[row, column] = (activation @ last.kernel.numpy() + last.bias.numpy())[0]
    return logits


def test_events_are_pooled_by_relevance(loss, inputs):
    logits = loss(*inputs)
    assert logits.shape == (2, 3)
    np.testing.assert_allclose(logits, one_by_one(loss, *inputs), atol=1e-4)


@pytest.mark.parametrize("argument", [1, 4])
def test_the_logits_depend_on_relevance(loss, inputs, argument):
    """Not on the events alone: otherwise the loss could not train the search."""
    logits = loss(*inputs).numpy()
    inputs[argument] = inputs[argument] + 0.5
    changed = loss(*inputs).numpy()
    assert (np.abs(changed - logits)[0] > 1e-3).all()
    # Nothing is relevant in an empty history.
    np.testing.assert_allclose(changed[1], logits[1], atol=1e-6)


def test_padding_content_changes_nothing(loss, inputs):
    logits = loss(*inputs)
    for argument in (0, 1):
        inputs[argument] = np.where(inputs[2][..., np.newaxis], inputs[argument], 1e3)
    np.testing.assert_array_equal(loss(*inputs), logits)
    narrow = [inputs[0][:, :0], inputs[1][:, :0], inputs[2][:, :0], *inputs[3:]]
    np.testing.assert_allclose(loss(*narrow)[1], logits[1], atol=1e-6)


def test_the_weights_exist_before_the_first_call():
    """A checkpoint may be read before any training step."""
    assert len(AuxiliaryClickLoss(DIM).trainable_variables) == 4


def test_the_mean_log_loss_of_valid_candidates():
    logits = tf.constant([[0.0, 2.0, 100.0], [-1.0, -100.0, 100.0]])
    labels = tf.constant([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    expected = (np.log(2) + np.log1p(np.exp(2)) + np.log1p(np.exp(-1))) / 3
    np.testing.assert_allclose(click_loss(logits, labels, tf.constant([2, 1])), expected, rtol=1e-5)

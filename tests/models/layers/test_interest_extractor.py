import numpy as np
import pytest
import tensorflow as tf

from lifelong.models.layers import InterestExtractor


def random_inputs(rng, rows=3, events=6, size=4):
    length = rng.integers(0, events + 1, rows)
    return (
        rng.standard_normal((rows, events, size)).astype(np.float32),
        np.arange(events) < length[:, np.newaxis],
    )


def with_random_weights(rng, units=5, size=4, **kwargs):
    extractor = InterestExtractor(units, **kwargs)
    extractor.build(((None, None, size), (None, None)))
    extractor.set_weights([rng.normal(0, 0.7, weight.shape) for weight in extractor.get_weights()])
    return extractor


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def gru(extractor, events, mask):
    """Keras's recurrence, one request and event at a time; masked events are passed over."""
    kernel, recurrent, bias = (np.asarray(w, np.float64) for w in extractor.gru.get_weights())
    states = np.zeros((*events.shape[:2], extractor.units))
    for row in range(len(events)):
        state = np.zeros(extractor.units)
        for place, event in enumerate(events[row]):
            if mask[row, place]:
                of_event = np.split(event @ kernel + bias[0], 3)
                of_state = np.split(state @ recurrent + bias[1], 3)
                keep = sigmoid(of_event[0] + of_state[0])
                reset = sigmoid(of_event[1] + of_state[1])
                candidate = np.tanh(of_event[2] + reset * of_state[2])
                state = keep * state + (1 - keep) * candidate
            states[row, place] = state
    return states


def log_loss(extractor, states, events, negatives, valid):
    """Mean of -log p(event) - log(1 - p(negative)), one place at a time."""
    weights = [np.asarray(w, np.float64) for layer in extractor.judge for w in layer.get_weights()]

    def logit(values):
        for index in range(0, len(weights), 2):
            values = values @ weights[index] + weights[index + 1]
            values = np.maximum(values, 0) if index + 2 < len(weights) else values
        return values[0]

    size = events.shape[-1] - extractor.context_size
    losses = []
    for row, place in zip(*np.nonzero(valid), strict=True):
        if place:
            state = states[row, place - 1]
            happened = logit(np.concatenate([state, events[row, place, :size]]))
            invented = logit(np.concatenate([state, negatives[row, place, :size]]))
            losses.append(-np.log(sigmoid(happened)) - np.log(1 - sigmoid(invented)))
    return np.mean(losses) if losses else 0.0


@pytest.mark.parametrize(("rows", "events"), [(3, 6), (1, 1), (1, 9), (5, 2)])
def test_states_are_those_of_a_gru(rng, rows, events):
    extractor = with_random_weights(rng)
    inputs = random_inputs(rng, rows, events)
    np.testing.assert_allclose(extractor(*inputs), gru(extractor, *inputs), atol=1e-5)


@pytest.mark.parametrize("size", [0.0, -1e3, 1e15])
def test_masked_events_change_nothing(rng, size):
    extractor = with_random_weights(rng)
    events, _ = random_inputs(rng)
    mask = rng.random(events.shape[:2]) < 0.6
    changed = np.where(mask[..., None], events, np.float32(size) * events)
    np.testing.assert_array_equal(extractor(changed, mask), extractor(events, mask))
    np.testing.assert_allclose(extractor(events, mask), gru(extractor, events, mask), atol=1e-5)


@pytest.mark.parametrize("context_size", [0, 1])
@pytest.mark.parametrize("hidden", [(3,), (6, 4)])
def test_the_auxiliary_loss_is_a_log_loss(rng, hidden, context_size):
    extractor = with_random_weights(rng, hidden=hidden, context_size=context_size)
    states = rng.standard_normal((3, 6, 5)).astype(np.float32)
    (events, _), (negatives, _) = random_inputs(rng), random_inputs(rng)
    valid = rng.random((3, 6)) < 0.6
    inputs = (states, events, negatives, valid)
    np.testing.assert_allclose(
        extractor.auxiliary_loss(*inputs), log_loss(extractor, *inputs), rtol=1e-5
    )


def test_an_undecided_judge_costs_two_bits_in_nats(rng):
    extractor = with_random_weights(rng)
    extractor.set_weights([np.zeros_like(weight) for weight in extractor.get_weights()])
    events, _ = random_inputs(rng)
    states, valid = extractor(events), np.ones((3, 6), bool)
    loss = extractor.auxiliary_loss(states, events, events, valid)
    np.testing.assert_allclose(loss, 2 * np.log(2), rtol=1e-6)


def test_only_places_that_count_have_an_influence(rng):
    extractor = with_random_weights(rng)
    states = rng.standard_normal((3, 6, 5)).astype(np.float32)
    (events, _), (negatives, _) = random_inputs(rng), random_inputs(rng)
    valid = rng.random((3, 6)) < 0.5
    loss = extractor.auxiliary_loss(states, events, negatives, valid)
    # A place needs its event, its negative and the state before; the first has no such state.
    used = valid.copy()
    used[:, 0] = False
    before = np.roll(used, -1, axis=1)
    other = extractor.auxiliary_loss(
        np.where(before[..., None], states, np.nan),
        np.where(used[..., None], events, np.nan),
        np.where(used[..., None], negatives, np.nan),
        used,
    )
    np.testing.assert_array_equal(loss, other)
    for index, place in enumerate((before, used, used)):
        changed = [states, events, negatives]
        changed[index] = changed[index] + place[..., None]
        assert abs(extractor.auxiliary_loss(*changed, valid) - loss) > 1e-4
    nothing = np.zeros_like(valid)
    nothing[:, 0] = True
    assert extractor.auxiliary_loss(states, events, negatives, nothing) == 0


def test_the_context_is_read_but_not_foretold(rng):
    extractor = with_random_weights(rng, context_size=2)
    events, _ = random_inputs(rng)
    negatives, valid = np.roll(events, 1, axis=0), np.ones((3, 6), bool)
    states = extractor(events)
    loss = extractor.auxiliary_loss(states, events, negatives, valid)
    another_time = np.array([0, 0, 1, -2], np.float32)
    assert np.abs(extractor(events + another_time) - states).max() > 1e-2
    np.testing.assert_array_equal(
        extractor.auxiliary_loss(states, events + another_time, negatives - another_time, valid),
        loss,
    )


def test_the_auxiliary_loss_trains_the_gru(rng):
    """Events that repeat the one before: a state has to remember it to tell what comes next."""
    tf.keras.utils.set_random_seed(1)
    extractor = InterestExtractor(8, hidden=(16,))
    events = np.repeat(rng.standard_normal((64, 1, 4)), 5, axis=1).astype(np.float32)
    negatives, valid = np.roll(events, 1, axis=0), tf.ones([64, 5], tf.bool)
    optimizer = tf.keras.optimizers.Adam(0.02)

    @tf.function(autograph=False)
    def step():
        with tf.GradientTape() as tape:
            loss = extractor.auxiliary_loss(extractor(events), events, negatives, valid)
        gradients = tape.gradient(loss, extractor.trainable_variables)
        optimizer.apply_gradients(zip(gradients, extractor.trainable_variables, strict=True))
        return loss, gradients

    extractor(events)
    optimizer.build(extractor.trainable_variables)
    first, gradients = step()
    assert all(np.any(gradient) for gradient in gradients)
    for _ in range(60):
        loss, _ = step()
    assert loss < 0.5 * first


def test_an_empty_batch_of_places_has_finite_gradients(rng):
    extractor = with_random_weights(rng)
    events, mask = random_inputs(rng)
    events, nothing = tf.Variable(events), np.zeros_like(mask)
    with tf.GradientTape() as tape:
        states = extractor(events, nothing)
        loss = extractor.auxiliary_loss(states, events, tf.roll(events, 1, axis=0), nothing)
    assert not np.any(states)
    gradients = tape.gradient(loss, extractor.trainable_variables)
    assert not any(np.any(gradient) for gradient in gradients)


def test_the_auxiliary_loss_of_unknown_sizes(rng):
    extractor = with_random_weights(rng)
    tensors = tf.TensorSpec([None, None, 4])

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None, 5]),
            tensors,
            tensors,
            tf.TensorSpec([None, None], tf.bool),
        ]
    )
    def traced(*inputs):
        return extractor.auxiliary_loss(*inputs)

    for rows, places in ((1, 1), (3, 4), (2, 0)):
        events, mask = random_inputs(rng, rows, places)
        inputs = (extractor(events), events, np.roll(events, 1, axis=0), mask)
        np.testing.assert_allclose(
            traced(*map(tf.constant, inputs)), extractor.auxiliary_loss(*inputs), rtol=1e-5
        )


def test_the_auxiliary_loss_in_mixed_precision(rng, mixed_precision):
    extractor = with_random_weights(rng)
    events, mask = random_inputs(rng)
    states = extractor(events, mask)
    assert states.dtype == mixed_precision
    others = (events, np.roll(events, 1, axis=0), np.ones_like(mask))
    loss = extractor.auxiliary_loss(states, *others)
    assert loss.dtype == tf.float32
    expected = log_loss(extractor, tf.cast(states, tf.float32).numpy(), *others)
    np.testing.assert_allclose(loss, expected, rtol=0.05)


def test_bad_inputs():
    with pytest.raises(ValueError, match=r"`context_size` is 4 .* less than D = 4"):
        InterestExtractor(3, context_size=4).build(((None, None, 4),))
    extractor = InterestExtractor(3)
    states, events = extractor(tf.zeros([2, 4, 2])), tf.zeros([2, 4, 2])
    valid = tf.ones([2, 4], tf.bool)
    for inputs, message in (
        ((states, events, events[:, 1:], valid), "`negatives` .* with S = 4 as in `states`"),
        ((states[..., 1:], events, events, valid), "`states` .* with U = 3 as in the layer"),
        ((states, events[..., 1:], events, valid), "`events` .* with D = 2 as in the layer"),
        ((states, events, events, tf.ones([2, 4])), "`valid` .* has dtype float32"),
        ((states, events, tf.cast(events, tf.int32), valid), "`negatives` .* has dtype int32"),
    ):
        with pytest.raises(ValueError, match=f"InterestExtractor.auxiliary_loss: {message}"):
            extractor.auxiliary_loss(*inputs)

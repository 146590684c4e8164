import numpy as np
import pytest
import tensorflow as tf

from lifelong.models.history import split_history
from lifelong.models.wire import wire_spec
from tests.sample_models import SMALL
from tests.stock_tensorflow import stock_scores


@pytest.fixture
def dien(make_part):
    return make_part("dien")


def timed_events(part, batch, short, row):
    """Embeds the events of one request, oldest first and without padding: `[events, De + Dt]`."""
    events = part.embed(batch, short).numpy()[row]
    return events[: int(short.mask.numpy()[row].sum())][::-1]


def test_equals_the_layers_on_each_request_alone(dien, arguments):
    batch, query, short = arguments(dien)
    output = dien(batch, query, short).numpy()
    for row in np.flatnonzero(batch["history_length"]):
        events = timed_events(dien, batch, short, row)
        # [events, U], [N, Dc] x [Dc, U] -> [N, events]
        states = dien.extractor(events[np.newaxis])
        scores = query[row].numpy() @ dien.relevance.kernel.numpy() @ states[0].numpy().T
        attention = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        expected = dien.evolution(states, attention[np.newaxis])
        np.testing.assert_allclose(output[row], expected[0], atol=1e-5)


def test_the_order_of_events_matters(dien, arguments, batch):
    rows = np.flatnonzero(batch["history_length"] >= SMALL.short_length)
    inputs = arguments(dien, rows)
    turned = inputs[2]._replace(
        values={key: value[:, ::-1] for key, value in inputs[2].values.items()}
    )
    difference = dien(*inputs[:2], turned) - dien(*inputs)
    assert (np.abs(difference).max(axis=(1, 2)) > 1e-3).all()


def auxiliary_loss(part, inputs):
    part(*inputs, training=True)
    (loss,) = part.losses
    return loss


def expected_auxiliary_loss(part, batch, short):
    """Pairs every event after a request's first with the previous request's at its place."""
    items, mask = short.values["history_item"].numpy(), short.mask.numpy()
    size = SMALL.item_dim + SMALL.category_dim
    inputs, labels = [], []
    for row in range(len(items)):
        own, other = (timed_events(part, batch, short, index) for index in (row, row - 1))
        if not len(own):
            continue
        states = part.extractor(own[np.newaxis])[0].numpy()
        own_items, other_items = (items[i][mask[i]][::-1] for i in (row, row - 1))
        for place in range(1, min(len(own), len(other))):
            if own_items[place] != other_items[place]:
                for event, label in ((own[place], 1), (other[place], 0)):
                    inputs.append(np.concatenate([states[place - 1], event[:size]]))
                    labels.append(label)
    logits = np.array(inputs)
    for layer in part.extractor.judge:
        logits = layer(logits)
    # -log sigmoid(logit) of the events that happened, -log sigmoid(-logit) of the others
    sign = np.where(labels, -1.0, 1.0)
    return 2 * np.mean(np.logaddexp(0, sign * logits[:, 0]))


def test_the_auxiliary_loss_asks_for_the_next_event(dien, arguments):
    inputs = arguments(dien)
    expected = expected_auxiliary_loss(dien, inputs[0], inputs[2])
    np.testing.assert_allclose(auxiliary_loss(dien, inputs), expected, rtol=1e-4)


def test_the_auxiliary_loss_is_weighted_and_only_trained_with(make_part, arguments):
    dien, weighted = make_part("dien"), make_part("dien", dien_auxiliary_weight=0.25)
    inputs = arguments(dien)
    loss = auxiliary_loss(dien, inputs)
    assert loss > 0
    np.testing.assert_allclose(
        auxiliary_loss(weighted, arguments(weighted)), 0.25 * loss, rtol=1e-6
    )
    output = dien(*inputs, training=True)
    np.testing.assert_array_equal(dien(*inputs, training=False), output)
    assert dien.losses == []
    np.testing.assert_array_equal(dien(*inputs), output)
    assert dien.losses == []


def test_the_auxiliary_loss_follows_the_states(dien, arguments):
    inputs = arguments(dien)
    before = auxiliary_loss(dien, inputs)
    recurrent = dien.extractor.gru.trainable_variables[1]
    recurrent.assign(recurrent + 0.5)
    assert abs(auxiliary_loss(dien, inputs) - before) > 1e-3


@pytest.mark.parametrize("traced", [False, True])
def test_the_gradient_of_the_auxiliary_loss_reaches_the_gru_and_the_embeddings(
    dien, arguments, embeddings_of, traced
):
    tables = (embeddings_of[dien].item, embeddings_of[dien].category)
    variables = [
        *dien.extractor.trainable_variables,
        *(table.embeddings for table in tables),
        dien.timed_events.time_gap.table,
    ]
    inputs = arguments(dien)

    def gradients():
        with tf.GradientTape() as tape:
            dien(*inputs, training=True)
            (loss,) = dien.losses
        return [tf.convert_to_tensor(g) for g in tape.gradient(loss, variables)]

    found = (tf.function(gradients, autograph=False) if traced else gradients)()
    assert all(np.isfinite(gradient).all() and np.any(gradient) for gradient in found)


def test_requests_without_a_negative_have_no_auxiliary_loss(dien, arguments, batch):
    longest = int(np.argmax(batch["history_length"]))
    empty = int(np.argmin(batch["history_length"]))
    # Alone in the batch; a neighbour of the same items; a neighbour without events
    for rows in ([longest], [longest, longest], [longest, empty]):
        assert auxiliary_loss(dien, arguments(dien, rows)) == 0
    nothing = tf.zeros_like(batch["history_length"])
    assert auxiliary_loss(dien, arguments(dien, history_length=nothing)) == 0


def test_padding_does_not_change_the_auxiliary_loss(dien, arguments):
    batch, query, short = arguments(dien)
    loss = auxiliary_loss(dien, (batch, query, short))
    values = {key: tf.where(short.mask, value, 3) for key, value in short.values.items()}
    changed = auxiliary_loss(dien, (batch, query, short._replace(values=values)))
    np.testing.assert_array_equal(changed, loss)


def test_the_same_interest_from_stock_tensorflow(dien, arguments, embeddings_of, batch, tmp_path):
    spec = {key: value for key, value in wire_spec(()).items() if key != "user"}

    @tf.function(autograph=False)
    def serve(**wire):
        short, _ = split_history(wire, SMALL.short_length, SMALL.long_length)
        interest = dien(wire, embeddings_of[dien].candidates(wire), short)
        return {"scores": tf.reduce_sum(interest, axis=-1)}

    root = tf.Module()
    root.variables_of_part = dien.variables
    tf.saved_model.save(root, str(tmp_path / "model"), serve.get_concrete_function(**spec))
    scores = stock_scores(tmp_path / "model", {key: batch[key] for key in spec}, tmp_path)
    expected = tf.reduce_sum(dien(*arguments(dien)), axis=-1)
    np.testing.assert_allclose(scores, expected, atol=1e-5)

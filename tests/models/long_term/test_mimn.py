import numpy as np
import pytest
import tensorflow as tf

from lifelong.models.config import MimnConfig
from tests.sample_models import SMALL, small_config

WRITTEN = 5


@pytest.fixture
def make_mimn(make_model):
    def make(head_reads_items=True, **memory):
        config = MimnConfig(units=3, written_length=WRITTEN, **memory)
        return make_model("mimn", mimn=config, head_reads_items=head_reads_items)

    return make


@pytest.mark.parametrize("head_reads_items", [False, True])
def test_the_newest_events_are_written_from_the_oldest_of_them_on(
    make_mimn, arguments, batch, head_reads_items
):
    model = make_mimn(head_reads_items)
    part = model.long_term
    wire, query, long = arguments(model, batch)
    output = part(wire, query, long).numpy()
    age = wire["request_timestamp"][:, np.newaxis] - long.values["history_timestamp"]
    events = part.timed_events(long.values, age).numpy()
    # Of events, the item's embedding comes first: it decides where they are written, in any case.
    read = events if head_reads_items else events[..., SMALL.item_dim :]
    lengths = np.minimum(long.mask.numpy().sum(axis=1), WRITTEN)
    assert set(lengths) >= {0, WRITTEN}
    for length in set(lengths):
        rows = np.flatnonzero(lengths == length)
        # Newest first, without padding
        newest = (tensor[rows, :length] for tensor in (events, read))
        oldest_first = (tensor[:, ::-1] for tensor in newest)
        expected = part.memory(tf.gather(query, rows), *oldest_first)
        np.testing.assert_allclose(output[rows], expected, atol=1e-5)


def test_the_loss_of_uneven_slots_has_its_weight(make_mimn, arguments, batch):
    losses = {}
    for weight in (0.0, 1.0, 2.5):
        model = make_mimn(utilization_weight=weight)
        model.long_term(*arguments(model, batch), training=True)
        (losses[weight],) = model.long_term.losses
        model.long_term(*arguments(model, batch))
        assert not model.long_term.losses
    assert losses[0.0] == 0
    assert losses[1.0] > 0
    np.testing.assert_allclose(losses[2.5], 2.5 * losses[1.0], rtol=1e-6)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"slots": 0}, "slots is 0; it must be at least 1"),
        ({"units": -1}, "units is -1; it must be at least 1"),
        ({"channels": 0}, "channels is 0; it must be at least 1"),
        ({"slots": 3, "channels": 4}, "channels is 4; it must be at most model.mimn.slots = 3"),
        ({"written_length": 0}, "written_length is 0; it must be at least 1"),
        ({"utilization_weight": -0.1}, "utilization_weight is -0.1; it must be at least 0"),
    ],
)
def test_a_memory_that_cannot_be_is_refused(choices, message):
    with pytest.raises(ValueError, match=rf"model\.mimn\.{message}"):
        small_config("mimn", mimn=MimnConfig(**choices))

"""What holds for every short-term part."""

import numpy as np
import pytest
import tensorflow as tf

from lifelong.models.short_term import SHORT_TERM_PARTS
from tests.sample_models import SMALL

TOLERANCE = 1e-5


@pytest.fixture(params=SHORT_TERM_PARTS)
def name(request):
    return request.param


@pytest.fixture
def part(name, make_part):
    return make_part(name)


def test_one_interest_per_candidate(name, part, arguments):
    batch, query, short = arguments(part)
    size = SMALL.item_dim + SMALL.category_dim + SMALL.time_gap_dim
    size *= SMALL.heads if name == "multi_head" else 1
    output = part(batch, query, short)
    assert output.shape == (*query.shape[:2], size)
    assert np.isfinite(output).all()
    # Different candidates see different interests in several events.
    first, second = batch["candidate_item"][:, 0], batch["candidate_item"][:, 1]
    differ = (batch["history_length"] > 1) & (first != second) & (batch["candidate_length"] > 1)
    assert np.any(differ)
    difference = np.abs(output[:, 0] - output[:, 1]).max(axis=-1)
    assert (difference[differ] > 1e-3).all()


def test_a_request_without_events_gets_zeros(part, arguments):
    batch, query, short = arguments(part)
    output = part(batch, query, short).numpy()
    empty = batch["history_length"].numpy() == 0
    assert empty.any()
    assert not output[empty].any()
    assert output[~empty].any(axis=-1).all()


def test_content_of_padding_does_not_matter(part, arguments):
    batch, query, short = arguments(part)
    rng = np.random.default_rng(0)
    highest = {"history_item": 71, "history_category": 8, "history_timestamp": 2**40}
    values = {
        key: tf.where(short.mask, value, rng.integers(0, highest[key], value.shape))
        for key, value in short.values.items()
    }
    assert any(np.any(values[key] != short.values[key]) for key in values)
    changed = short._replace(values=values)
    np.testing.assert_array_equal(part(batch, query, changed), part(batch, query, short))


def test_a_batch_is_read_as_its_requests_alone(part, arguments):
    together = part(*arguments(part))
    for row in range(0, len(together), 7):
        alone = part(*arguments(part, slice(row, row + 1)))
        np.testing.assert_allclose(alone[0], together[row], atol=TOLERANCE)


@pytest.mark.parametrize("width", [0, 1, 3])
def test_histories_may_be_narrower_than_s(part, arguments, batch, width):
    length = tf.minimum(batch["history_length"], width)
    wide = part(*arguments(part, history_length=length))
    events = ("history_item", "history_category", "history_timestamp")
    narrow = {key: batch[key][:, :width] for key in events}
    narrow = part(*arguments(part, history_length=length, **narrow))
    np.testing.assert_allclose(narrow, wide, atol=TOLERANCE)


@pytest.mark.parametrize("name", SHORT_TERM_PARTS)
def test_time_can_be_left_out(make_part, arguments, batch, name):
    timed, timeless = make_part(name), make_part(name, time_gap_dim=0)
    later = {"request_timestamp": batch["request_timestamp"] + 10**7}
    size = (SMALL.item_dim + SMALL.category_dim) * (SMALL.heads if name == "multi_head" else 1)
    assert timeless(*arguments(timeless)).shape[-1] == size
    np.testing.assert_array_equal(
        timeless(*arguments(timeless)), timeless(*arguments(timeless, **later))
    )
    difference = timed(*arguments(timed)) - timed(*arguments(timed, **later))
    has_events = batch["history_length"].numpy() > 0
    assert (np.abs(difference.numpy()[has_events]).max(axis=(1, 2)) > 1e-3).all()


def test_the_same_eager_and_traced(part, arguments):
    traced = tf.function(lambda *inputs: part(*inputs), autograph=False)
    inputs = arguments(part)
    np.testing.assert_allclose(traced(*inputs), part(*inputs), atol=TOLERANCE)


def test_another_part_takes_over_all_weights(name, part, arguments, make_part, tmp_path):
    """A part that has never been trained has every weight that a checkpoint of it holds."""
    part(*arguments(part), training=True)
    saved = tf.train.Checkpoint(part=part).write(str(tmp_path / "checkpoint"))
    again = make_part(name)
    for variable in again.trainable_variables:
        variable.assign(tf.zeros_like(variable))
    status = tf.train.Checkpoint(part=again).read(saved)
    status.assert_consumed()
    np.testing.assert_array_equal(again(*arguments(again)), part(*arguments(part)))

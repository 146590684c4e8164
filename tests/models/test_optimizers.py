import numpy as np
import pytest
import tensorflow as tf

from lifelong.models.optimizers import LazyAdam, make_optimizer

keras = tf.keras
RATE = 0.1


def table():
    return tf.Variable(np.arange(12.0, dtype=np.float32).reshape(6, 2))


def slices(rows, values):
    return tf.IndexedSlices(tf.constant(values, tf.float32), tf.constant(rows), tf.constant([6, 2]))


def steps(optimizer, variable, gradients):
    for gradient in gradients:
        optimizer.apply_gradients([(gradient, variable)])


def test_a_row_read_in_every_step_moves_as_adam_has_it():
    """By hand: the moments of a row are those of Adam, with the step's own bias correction."""
    lazy, variable = LazyAdam(RATE), table()
    gradients = [[0.5, -1.0], [0.25, 2.0], [-1.0, 0.5]]
    steps(lazy, variable, [slices([4], [gradient]) for gradient in gradients])
    row, first, second = np.array([8.0, 9.0]), np.zeros(2), np.zeros(2)
    for number, gradient in enumerate(np.array(gradients), 1):
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        row -= RATE * (first / (1 - 0.9**number)) / np.sqrt(second / (1 - 0.999**number))
    np.testing.assert_allclose(variable.numpy()[4], row, rtol=1e-5)


@pytest.mark.parametrize("name", ["lazy_adam", "adagrad"])
def test_rows_that_no_batch_read_stay_with_their_slots(name):
    optimizer, variable = make_optimizer(name, RATE), table()
    steps(optimizer, variable, [slices([1, 3], [[1.0, 1.0], [2.0, -2.0]])])
    before = [value.numpy().copy() for value in (variable, *optimizer.variables[2:])]
    np.testing.assert_array_equal(before[0][[0, 2, 4, 5]], table().numpy()[[0, 2, 4, 5]])
    assert (before[0][[1, 3]] != table().numpy()[[1, 3]]).all()
    steps(optimizer, variable, [slices([1], [[5.0, 5.0]])] * 3)
    after = [value.numpy() for value in (variable, *optimizer.variables[2:])]
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(new[[0, 2, 3, 4, 5]], old[[0, 2, 3, 4, 5]])
        assert (new[1] != old[1]).all()


def test_a_row_that_was_read_twice_moves_by_the_sum():
    twice, once = table(), table()
    steps(LazyAdam(RATE), twice, [slices([2, 2], [[1.0, 0.5], [2.0, 0.25]])] * 2)
    steps(LazyAdam(RATE), once, [slices([2], [[3.0, 0.75]])] * 2)
    np.testing.assert_allclose(twice.numpy(), once.numpy(), rtol=1e-6)


def test_dense_gradients_are_adams():
    lazy, dense = table(), table()
    gradients = [tf.random.stateless_normal([6, 2], [0, seed]) for seed in range(4)]
    steps(LazyAdam(RATE), lazy, gradients)
    steps(keras.optimizers.Adam(RATE), dense, gradients)
    np.testing.assert_array_equal(lazy.numpy(), dense.numpy())


def test_all_rows_read_in_every_step_are_trained_as_by_adam():
    lazy, dense = table(), table()
    random = np.random.default_rng(0)
    gradients = [slices(range(6), random.standard_normal((6, 2))) for _ in range(5)]
    steps(LazyAdam(RATE), lazy, gradients)
    steps(keras.optimizers.Adam(RATE), dense, gradients)
    np.testing.assert_allclose(lazy.numpy(), dense.numpy(), rtol=1e-5)


def test_slots_are_those_of_adam_so_that_either_goes_on_from_the_other(tmp_path):
    gradients = [slices([0, 5], [[1.0, 2.0], [3.0, 4.0]])] * 2
    variable, adam = table(), keras.optimizers.Adam(RATE)
    steps(adam, variable, gradients)
    path = tf.train.Checkpoint(variable=variable, optimizer=adam).save(str(tmp_path / "saved"))
    restored, lazy = table(), LazyAdam(RATE)
    lazy.build([restored])
    checkpoint = tf.train.Checkpoint(variable=restored, optimizer=lazy)
    checkpoint.restore(path).assert_consumed()
    for old, new in zip(adam.variables, lazy.variables, strict=True):
        np.testing.assert_array_equal(old.numpy(), new.numpy())


def test_a_rate_schedule_is_followed():
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([1], [RATE, 0.0])
    variable = table()
    optimizer = LazyAdam(schedule)
    steps(optimizer, variable, [slices([1], [[1.0, 1.0]])] * 2)
    moved = variable.numpy().copy()
    steps(optimizer, variable, [slices([1], [[1.0, 1.0]])] * 2)
    np.testing.assert_array_equal(variable.numpy(), moved)


def test_it_is_made_again_of_its_configuration():
    lazy = LazyAdam(0.02, beta_1=0.8)
    again = keras.optimizers.deserialize(keras.optimizers.serialize(lazy))
    assert type(again) is LazyAdam
    assert again.get_config() == lazy.get_config()

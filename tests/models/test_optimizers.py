import numpy as np
import pytest
import tensorflow as tf

from lifelong.models.optimizers import LazyAdam, make_optimizer

keras = tf.keras
RATE = 0.1
VALUES = np.arange(12.0, dtype=np.float32).reshape(6, 2)


def table():
    """Called as Keras's `Embedding` calls its table."""
    return tf.Variable(VALUES, name="item/embeddings")


def kernel():
    return tf.Variable(VALUES, name="head/kernel")


def slices(rows, values):
    return tf.IndexedSlices(tf.constant(values, tf.float32), tf.constant(rows), tf.constant([6, 2]))


def steps(optimizer, variable, gradients):
    for gradient in gradients:
        optimizer.apply_gradients([(gradient, variable)])


def all_values(optimizer, variable):
    return [value.numpy().copy() for value in (variable, *optimizer.variables)]


def test_a_row_moves_by_its_gradient_over_what_is_left_of_its_mean_squares():
    """By hand: read in the steps 1, 2 and 5. Whatever the others do does not matter."""
    variable = table()
    gradients = {1: [0.5, -1.0], 2: [0.25, 2.0], 5: [-1.0, 0.5]}
    others = slices([0], [[3.0, 4.0]])
    steps(
        LazyAdam(RATE),
        variable,
        [slices([4], [gradients[step]]) if step in gradients else others for step in range(1, 6)],
    )
    row, mean_square = VALUES[4], 0.0
    for step, waited in ((1, 1), (2, 1), (5, 3)):
        gradient = np.array(gradients[step])
        mean_square = 0.999**waited * mean_square + 0.001 * np.mean(gradient**2)
        row = row - RATE * gradient / np.sqrt(mean_square / (1 - 0.999**step))
    np.testing.assert_allclose(variable.numpy()[4], row, rtol=1e-5)


def test_a_row_that_is_rarely_read_moves_as_far_as_adam_moves_it():
    """Adam moves it on and on after the step that read it."""

    @tf.function(autograph=False, reduce_retracing=True)
    def train(optimizer, variable, gradient, count):
        def step(number):
            optimizer.apply_gradients([(gradient, variable)])
            return number + 1

        tf.while_loop(lambda number: number < count, step, [0])

    moved = []
    for optimizer in (LazyAdam(RATE), keras.optimizers.Adam(RATE)):
        variable = table()
        optimizer.build([variable])
        often, rarely = slices([0], [[1.0, -1.0]]), slices([3], [[2.0, 2.0]])
        for gradient, count in ((often, 300), (rarely, 1), (often, 200)):
            train(optimizer, variable, gradient, tf.constant(count))
        moved.append(variable.numpy() - VALUES)
    assert np.abs(moved[0][3]).min() > 10 * RATE
    np.testing.assert_allclose(moved[0][3], moved[1][3], rtol=0.1)
    # And the one that every other step reads, too.
    np.testing.assert_allclose(moved[0][0], moved[1][0], rtol=0.1)


@pytest.mark.parametrize("name", ["lazy_adam", "adagrad"])
def test_rows_that_no_batch_read_stay_with_their_slots(name):
    optimizer, variable = make_optimizer(name, RATE), table()
    steps(optimizer, variable, [slices([1, 3], [[1.0, 1.0], [2.0, -2.0]])])
    before = all_values(optimizer, variable)
    np.testing.assert_array_equal(before[0][[0, 2, 4, 5]], VALUES[[0, 2, 4, 5]])
    assert (before[0][[1, 3]] != VALUES[[1, 3]]).all()
    steps(optimizer, variable, [slices([1], [[5.0, 5.0]])] * 3)
    after = all_values(optimizer, variable)
    of_rows = [place for place, value in enumerate(before) if value.shape[:1] == (6,)]
    assert len(of_rows) > 1
    for place in of_rows:
        np.testing.assert_array_equal(after[place][[0, 2, 3, 4, 5]], before[place][[0, 2, 3, 4, 5]])
        assert (after[place][1] != before[place][1]).all()


def test_a_row_that_was_read_twice_moves_by_the_sum():
    twice, once = table(), table()
    steps(LazyAdam(RATE), twice, [slices([2, 2], [[1.0, 0.5], [2.0, 0.25]])] * 2)
    steps(LazyAdam(RATE), once, [slices([2], [[3.0, 0.75]])] * 2)
    np.testing.assert_allclose(twice.numpy(), once.numpy(), rtol=1e-6)


def test_no_rows_read_move_nothing():
    variable = table()
    steps(LazyAdam(RATE), variable, [slices([1], [[1.0, 1.0]])])
    moved = variable.numpy().copy()
    steps(LazyAdam(RATE), variable, [slices(np.zeros(0, np.int32), np.zeros((0, 2)))])
    np.testing.assert_array_equal(variable.numpy(), moved)


def test_a_table_with_a_dense_gradient_has_all_of_its_rows_read():
    dense, sparse = table(), table()
    gradient = np.random.default_rng(0).standard_normal((6, 2)).astype(np.float32)
    steps(LazyAdam(RATE), dense, [tf.constant(gradient)] * 3)
    steps(LazyAdam(RATE), sparse, [slices(range(6), gradient)] * 3)
    np.testing.assert_array_equal(dense.numpy(), sparse.numpy())


@pytest.mark.parametrize(
    "options", [{}, {"weight_decay": 0.3, "use_ema": True, "ema_overwrite_frequency": 3}]
)
def test_what_is_no_table_is_trained_by_adam(options):
    gradients = [tf.random.stateless_normal([6, 2], [0, seed]) for seed in range(4)]
    gradients.append(slices([1, 4], [[1.0, 2.0], [3.0, 4.0]]))
    variables = {LazyAdam: kernel(), keras.optimizers.Adam: kernel()}
    for optimizer, variable in variables.items():
        steps(optimizer(RATE, **options), variable, gradients)
    lazy, dense = (variable.numpy() for variable in variables.values())
    np.testing.assert_array_equal(lazy, dense)


def test_the_slots_of_a_table_are_two_numbers_a_row():
    model = keras.Sequential([keras.layers.Embedding(6, 4), keras.layers.Dense(1)])
    model.build([None, 3])
    lazy = LazyAdam(RATE, use_ema=True)
    lazy.build(model.trainable_variables)
    shapes = sorted(tuple(slot.shape) for slot in lazy.variables)
    of_dense = [(4, 1)] * 3 + [(1,)] * 3
    assert shapes == sorted([(), (6, 1), (6,), *of_dense])


def test_an_interrupted_training_goes_on_as_if_it_had_not_been(tmp_path):
    first = [slices([0, 5], [[1.0, 2.0], [3.0, 4.0]])] * 2
    then = [slices([1, 5], [[-1.0, 2.0], [0.5, 4.0]])] * 3
    whole = table()
    steps(LazyAdam(RATE), whole, first + then)
    variable, lazy = table(), LazyAdam(RATE)
    steps(lazy, variable, first)
    path = tf.train.Checkpoint(variable=variable, optimizer=lazy).save(str(tmp_path / "saved"))
    restored, other = table(), LazyAdam(RATE)
    other.build([restored])
    tf.train.Checkpoint(variable=restored, optimizer=other).restore(path).assert_consumed()
    steps(other, restored, then)
    np.testing.assert_array_equal(restored.numpy(), whole.numpy())


def test_a_rate_schedule_is_followed():
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([1], [RATE, 0.0])
    variable = table()
    optimizer = LazyAdam(schedule)
    steps(optimizer, variable, [slices([1], [[1.0, 1.0]])] * 2)
    moved = variable.numpy().copy()
    assert (moved[1] != VALUES[1]).all()
    steps(optimizer, variable, [slices([1], [[1.0, 1.0]])] * 2)
    np.testing.assert_array_equal(variable.numpy(), moved)


def test_rows_of_a_table_decay_in_the_steps_that_read_them():
    variable, optimizer = table(), LazyAdam(RATE, weight_decay=0.5)
    nothing = [[0.0, 0.0]]
    steps(optimizer, variable, [slices([1], nothing)] * 3)
    steps(optimizer, variable, [slices([2], nothing)])
    np.testing.assert_allclose(variable.numpy()[1], VALUES[1] * 0.95**3, rtol=1e-6)
    np.testing.assert_allclose(variable.numpy()[2], VALUES[2] * 0.95, rtol=1e-6)
    np.testing.assert_array_equal(variable.numpy()[[0, 3, 4, 5]], VALUES[[0, 3, 4, 5]])


def test_a_table_may_be_left_out_of_weight_decay():
    variable, optimizer = table(), LazyAdam(RATE, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_names=["embeddings"])
    steps(optimizer, variable, [slices([1], [[0.0, 0.0]])])
    np.testing.assert_array_equal(variable.numpy(), VALUES)


def test_tables_are_not_averaged():
    averaged, plain = table(), table()
    gradients = [slices([1], [[1.0, -1.0]])] * 4
    optimizer = LazyAdam(RATE, use_ema=True, ema_overwrite_frequency=2)
    steps(optimizer, averaged, gradients)
    optimizer.finalize_variable_values([averaged])
    steps(LazyAdam(RATE), plain, gradients)
    np.testing.assert_array_equal(averaged.numpy(), plain.numpy())


@pytest.mark.parametrize("clip", ["clipnorm", "global_clipnorm", "clipvalue"])
def test_gradients_of_rows_are_clipped(clip):
    clipped, variable = LazyAdam(RATE, **{clip: 1.0}), table()
    steps(clipped, variable, [slices([1], [[1.0, 0.0]]), slices([1], [[50.0, 0.0]])])
    expected = table()
    steps(LazyAdam(RATE), expected, [slices([1], [[1.0, 0.0]])] * 2)
    np.testing.assert_allclose(variable.numpy(), expected.numpy(), rtol=1e-6)


def test_it_is_made_again_of_its_configuration():
    lazy = LazyAdam(0.02, beta_1=0.8)
    again = keras.optimizers.deserialize(keras.optimizers.serialize(lazy))
    assert type(again) is LazyAdam
    assert again.get_config() == lazy.get_config()

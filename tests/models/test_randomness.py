import numpy as np
import tensorflow as tf

from lifelong.models.randomness import drop, seed_training, uniform


def test_an_epoch_draws_the_same_again_and_another_one_something_else():
    drawn = []
    for seed, epoch in ((1, 0), (1, 0), (1, 1), (2, 0)):
        seed_training(seed, epoch)
        drawn.append(uniform([5]).numpy())
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert len({tuple(some) for some in drawn}) == 3


def test_a_traced_function_draws_by_the_seed_too():
    traced = tf.function(lambda: uniform([5]))
    first = (seed_training(3), traced().numpy())[1]
    assert np.any(traced().numpy() != first)
    seed_training(3)
    np.testing.assert_array_equal(traced().numpy(), first)


def test_what_is_dropped_is_made_up_for():
    seed_training(0)
    dropped = drop(tf.ones([10_000]), 0.25).numpy()
    assert set(np.unique(dropped)) == {0, np.float32(1 / 0.75)}
    assert abs(dropped.mean() - 1) < 0.02
    np.testing.assert_array_equal(drop(tf.ones([4]), 0.0), np.ones(4))

import numpy as np

from lifelong.components.behavior_example_gen.hashing import Purpose, hash64


def test_hashes_are_uniform_and_depend_on_every_argument():
    key = np.arange(10_000)
    one = hash64(1, Purpose.SHARD, key)
    assert len(set(one.tolist())) == 10_000
    np.testing.assert_allclose(np.bincount((one % 10).astype(int)) / 1000, 1, atol=0.15)
    assert (one != hash64(2, Purpose.SHARD, key)).all()
    assert (one != hash64(1, Purpose.SPLIT, key)).all()
    assert hash64(1, Purpose.SHARD, key[:, None], key[None, :3]).shape == (10_000, 3)
    # Written down: a change would change every data set.
    assert hash64(0, Purpose.SHARD, np.array([1, 2])).tolist() == HASHES


HASHES = [3069472533636442495, 9405607414650848140]

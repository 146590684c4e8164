import numpy as np

from lifelong.data.hashing import Purpose, hash64, shard_of


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


def test_an_id_stays_in_one_shard():
    ids = np.arange(1000)
    shard = shard_of(ids, 7)
    assert sorted(set(shard.tolist())) == list(range(7))
    assert (shard_of(ids[::-1], 7) == shard[::-1]).all()
    assert (shard_of(ids, 7, seed=1) != shard).any()
    assert set(shard_of(ids, 1)) == {0}

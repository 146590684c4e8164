import numpy as np

from lifelong.components.behavior_example_gen.config import SplitConfig
from lifelong.components.behavior_example_gen.splits import split_of
from lifelong.data.times import parse_time


def times(*texts):
    return np.array([parse_time(text) for text in texts])


def test_periods_are_half_open():
    config = SplitConfig(
        train_start="2017-07-01",
        validation_start="2017-10-15",
        eval_start="2017-11-01",
        eval_end="2017-12-01",
    )
    at = times(
        "2017-06-30T23:59:59",
        "2017-07-01",
        "2017-10-14T23:59:59",
        "2017-10-15",
        "2017-11-01",
        "2017-11-30T23:59:59",
        "2017-12-01",
    )
    assert split_of(config, 0, np.zeros(7, np.int64), at).tolist() == [-1, 0, 0, 1, 2, 2, -1]
    open_ended = SplitConfig(validation_start="2017-10-15", eval_start="2017-11-01")
    at = times("1990-01-01", "2040-01-01")
    assert split_of(open_ended, 0, np.zeros(2, np.int64), at).tolist() == [0, 2]


def test_a_user_stays_in_one_split_and_shares_are_kept():
    config = SplitConfig(by="user", validation_share=0.2, eval_share=0.3, eval_end="2000-01-01")
    user = np.arange(20_000)
    split = split_of(config, 7, user, np.zeros(20_000, np.int64))
    shares = np.bincount(split, minlength=3) / 20_000
    np.testing.assert_allclose(shares, [0.5, 0.2, 0.3], atol=0.02)
    later = split_of(config, 7, user, np.full(20_000, 86400))
    assert (split == later).all()
    assert (split_of(config, 8, user, later) != split).any(), "another seed, other users"
    assert split_of(config, 7, user[:1], times("2000-01-01")).tolist() == [-1]

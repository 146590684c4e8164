import numpy as np

from lifelong.components.behavior_example_gen.config import SplitConfig
from lifelong.components.behavior_example_gen.sampling import (
    keep,
    merge_smallest,
    smallest_hashes,
)

CONFIG = SplitConfig(max_train_requests=3, max_eval_requests=10)


def test_the_smallest_hashes_over_all_parts_stay():
    random = np.random.default_rng(0)
    split = random.integers(0, 3, 60)
    hashes = random.integers(0, 2**63, 60).astype(np.uint64)
    parts = [smallest_hashes(split[i::4], hashes[i::4], CONFIG) for i in range(4)]
    merged = merge_smallest([merge_smallest(parts[:2], CONFIG), *parts[2:]], CONFIG)
    kept = keep(split, hashes, merged, CONFIG)
    for index, limit in enumerate((3, 60, 10)):
        mine = np.sort(hashes[split == index])
        assert sorted(hashes[kept & (split == index)]) == mine[:limit].tolist()


def test_fewer_than_the_maximum_all_stay():
    split, hashes = np.array([0, 0, 2]), np.array([5, 2**64 - 1, 7], np.uint64)
    merged = merge_smallest([smallest_hashes(split, hashes, CONFIG)], CONFIG)
    assert keep(split, hashes, merged, CONFIG).all()
    assert keep(split[:0], hashes[:0], merge_smallest([], CONFIG), CONFIG).tolist() == []

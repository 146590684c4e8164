import numpy as np

from lifelong.data import columns as cols

ORDER = ("user", "timestamp", "item")


def block(*rows):
    columns = np.array(rows, np.int64).reshape(-1, 4).T
    return dict(zip(("user", "timestamp", "item", "extra"), columns.copy(), strict=True))


def rows_of(b):
    return list(
        zip(*(b[key].tolist() for key in ("user", "timestamp", "item", "extra")), strict=True)
    )


def test_order_is_by_user_time_and_item_and_identical_rows_collapse():
    rows = [(2, 1, 1, 0), (1, 5, 3, 0), (1, 5, 2, 9), (1, 5, 2, 4), (1, 5, 2, 9), (1, 4, 9, 0)]
    expected = [(1, 4, 9, 0), (1, 5, 2, 4), (1, 5, 2, 9), (1, 5, 3, 0), (2, 1, 1, 0)]
    for seed in range(5):
        shuffled = [rows[i] for i in np.random.default_rng(seed).permutation(len(rows))]
        result, duplicates = cols.sort_and_dedupe(block(*shuffled), ORDER)
        assert rows_of(result) == expected
        assert duplicates == 1


def test_sorting_equals_python_on_many_ties():
    random = np.random.default_rng(0)
    rows = [tuple(row) for row in random.integers(0, 4, (300, 4)).tolist()]
    result, duplicates = cols.sort_and_dedupe(block(*rows), ORDER)
    assert rows_of(result) == sorted(set(rows))
    assert duplicates == 300 - len(set(rows))


def test_vectors_are_compared_number_by_number():
    vectors = np.array([[0, 2], [0, 1], [0, 2], [5, 0]], np.float32)
    rows = {"item": np.array([2, 2, 2, 1]), "vector": vectors}
    result, duplicates = cols.sort_and_dedupe(rows, ("item",))
    assert duplicates == 1
    assert result["item"].tolist() == [1, 2, 2]
    assert result["vector"].tolist() == [[5, 0], [0, 1], [0, 2]]


def test_nothing_to_sort():
    result, duplicates = cols.sort_and_dedupe(block(), ORDER)
    assert cols.length(result) == duplicates == 0
    assert cols.run_starts(result["user"]).tolist() == []


def test_ranges_runs_and_offsets():
    assert cols.ranges(np.array([5, 1, 3]), np.array([7, 1, 6])).tolist() == [5, 6, 3, 4, 5]
    assert cols.run_starts(np.array([1, 1, 2, 2]), np.array([1, 2, 2, 2])).tolist() == [0, 1, 2]
    assert cols.offsets_of(np.array([2, 0, 1])).tolist() == [0, 2, 2, 3]


def test_split_by_keeps_the_order_within_a_group():
    parts = cols.split_by(block((1, 1, 0, 0), (2, 2, 0, 0), (3, 3, 0, 0)), np.array([7, 2, 7]))
    assert [(group, b["user"].tolist()) for group, b in parts] == [(2, [2]), (7, [1, 3])]
    assert cols.split_by(block(), np.zeros(0, np.int64)) == []


def test_packing_is_lossless():
    original = {
        "small": np.array([0, 255]),
        "medium": np.array([0, 70_000]),
        "large": np.array([0, 2**63 - 1]),
        "negative": np.array([-1, 5]),
        "hash": np.array([1, 2**64 - 1], np.uint64),
        "real": np.array([0.5, 1.5], np.float32),
    }
    packed = cols.pack(original)
    assert packed["small"].dtype == np.uint8
    back = cols.unpack(packed)
    for key, column in original.items():
        assert back[key].dtype == column.dtype
        assert back[key].tolist() == column.tolist()

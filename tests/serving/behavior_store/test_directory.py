import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifelong.data.events import Cut
from lifelong.serving.behavior_store.directory import Directory
from lifelong.serving.behavior_store.errors import StoreCorruptedError


def block(*rows):
    """A block of (category, timestamp, item)."""
    columns = np.array(rows, np.int64).T
    return dict(zip(("category", "timestamp", "item"), columns, strict=True))


FIRST = block((1, 10, 5), (1, 30, 6), (2, 20, 7))
SECOND = block((2, 25, 1), (2, 25, 9))
THIRD = block((2, 40, 3))
DIRECTORY = Directory.of([(0, FIRST), (7, SECOND), (2, THIRD)])


def rows_of(directory):
    return list(zip(*(column.tolist() for column in vars(directory).values()), strict=True))


def test_a_row_tells_what_its_block_holds():
    assert list(vars(DIRECTORY)) == [
        "category",
        "timestamp",
        "item",
        "oldest",
        "newest",
        "count",
        "leading",
        "number",
    ]
    assert rows_of(DIRECTORY) == [
        (1, 10, 5, 10, 30, 3, 2, 0),
        (2, 25, 1, 25, 25, 2, 2, 7),
        (2, 40, 3, 40, 40, 1, 1, 2),
    ]
    assert len(DIRECTORY) == 3
    assert DIRECTORY.events == 6
    assert DIRECTORY.next_number == 8
    assert DIRECTORY.first(1) == (2, 25, 1)


def test_a_directory_of_nothing():
    empty = Directory.of([])
    assert (len(empty), empty.events, empty.next_number) == (0, 0, 0)
    assert rows_of(Directory.unpack(empty.pack(3), 3)) == []


def test_what_is_packed_is_unpacked_for_its_user_alone():
    packed = DIRECTORY.pack(2**63 - 1)
    assert rows_of(Directory.unpack(packed, 2**63 - 1)) == rows_of(DIRECTORY)
    with pytest.raises(StoreCorruptedError):
        Directory.unpack(packed, 4)
    for end in range(len(packed)):
        with pytest.raises(StoreCorruptedError):
            Directory.unpack(packed[:end], 2**63 - 1)


def test_rows_are_replaced_by_any_number_of_rows():
    two = Directory.of([(0, block((1, 10, 5))), (8, block((1, 30, 6), (2, 20, 7)))])
    changed = DIRECTORY.replaced({0: two, 2: Directory.of([])})
    assert rows_of(changed) == [*rows_of(two), rows_of(DIRECTORY)[1]]
    assert rows_of(DIRECTORY.replaced({})) == rows_of(DIRECTORY)


@pytest.mark.parametrize(
    ("cut", "row"),
    [
        (Cut(0), 1),
        (Cut(25), 1),
        (Cut(25, 1), 1),
        # Of the events that start the block, some may come before this cut.
        (Cut(25, 1, (2,)), 2),
        (Cut(25, 2), 2),
        (Cut(40, 3), 2),
        (Cut(40, 4), 3),
        (Cut(99), 3),
    ],
)
def test_which_blocks_of_a_category_start_before_a_cut(cut, row):
    assert DIRECTORY.starts_before(1, 3, cut) == row


few = st.integers(0, 5)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(few, few), min_size=1, max_size=9, unique=True), few, few)
def test_starts_before_counts_the_starts_before_the_cut(starts, timestamp, item):
    starts = sorted(starts)
    directory = Directory.of([(n, block((3, *start))) for n, start in enumerate(starts)])
    expected = sum(start < (timestamp, item) for start in starts)
    assert directory.starts_before(0, len(starts), Cut(timestamp, item)) == expected

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifelong.data.events import Cut
from lifelong.serving.behavior_store.directory import Days, Directory
from lifelong.serving.behavior_store.errors import StoreCorruptedError


def block(*rows):
    """A block of (category, timestamp, item)."""
    columns = np.array(rows, np.int64).T
    return dict(zip(("category", "timestamp", "item"), columns, strict=True))


FIRST = block((1, 10, 5), (1, 30, 6), (2, 20, 7))
SECOND = block((2, 25, 1), (2, 25, 9))
THIRD = block((2, 40, 3))
DIRECTORY = Directory.of([(0, FIRST), (7, SECOND), (2, THIRD)])


COLUMNS = ("category", "timestamp", "item", "oldest", "newest", "count", "leading", "number")


def rows_of(directory):
    columns = (getattr(directory, name).tolist() for name in COLUMNS)
    return list(zip(*columns, strict=True))


def days_of(days):
    return dict(zip(days.number.tolist(), days.count.tolist(), strict=True))


def test_a_row_tells_what_its_block_holds():
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
    unpacked = Directory.unpack(empty.pack(3), 3)
    assert (rows_of(unpacked), days_of(unpacked.days)) == ([], {})
    assert unpacked.days.events_before.tolist() == [0]


def test_what_is_packed_is_unpacked_for_its_user_alone():
    packed = DIRECTORY.pack(2**63 - 1)
    unpacked = Directory.unpack(packed, 2**63 - 1)
    assert rows_of(unpacked) == rows_of(DIRECTORY)
    assert days_of(unpacked.days) == days_of(DIRECTORY.days) == {0: 6}
    with pytest.raises(StoreCorruptedError):
        Directory.unpack(packed, 4)
    for end in range(len(packed)):
        with pytest.raises(StoreCorruptedError):
            Directory.unpack(packed[:end], 2**63 - 1)


def test_rows_are_replaced_by_any_number_of_rows():
    two = Directory.of([(0, block((1, 10, 5))), (8, block((1, 30, 6), (2, 20, 7)))])
    days = Days.of(np.array([10, 30, 20, 25, 25]))
    changed = DIRECTORY.replaced({0: two, 2: Directory.of([])}, days)
    assert rows_of(changed) == [*rows_of(two), rows_of(DIRECTORY)[1]]
    assert changed.days is days
    assert rows_of(DIRECTORY.replaced({}, days)) == rows_of(DIRECTORY)
    assert rows_of(Directory.of([]).replaced({0: two}, days)) == rows_of(two)


def test_days_count_events():
    midnight = 17_000 * 86_400
    days = Days.of(midnight + np.array([86_400, 0, 86_399, -1, 3 * 86_400]))
    assert days_of(days) == {16_999: 1, 17_000: 2, 17_001: 1, 17_003: 1}
    assert days.events_before.tolist() == [0, 1, 3, 4, 5]
    assert [days.row(number) for number in (0, 17_000, 17_002, 17_003, 17_004)] == [0, 1, 3, 3, 4]
    assert days.end(1) == Cut(midnight + 86_400)
    assert days.end(3) is None


def test_days_change_with_their_events():
    old, new = (Days.of(86_400 * np.array(numbers)) for numbers in ([3, 3, 5, 9], [1, 3, 9]))
    assert days_of(old.changed(new, Days.of(86_400 * np.array([5, 3])))) == {1: 1, 3: 2, 9: 2}
    nothing = Days.of(np.zeros(0, np.int64))
    assert days_of(nothing.changed(old, nothing)) == days_of(old)
    assert days_of(old.changed(nothing, old)) == {}


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

import numpy as np
import pytest

from lifelong.serving.behavior_store.block import pack_block
from lifelong.serving.behavior_store.block_reader import BlockReader
from lifelong.serving.behavior_store.errors import StoreCorruptedError

USER = 11
FEATURES = {"kind": "int64"}
# Blocks of 2, 3 and 4 events by number, in the order of their rows.
NUMBER = np.array([5, 0, 8])


def block(size, first):
    names = ("category", "timestamp", "item", "kind")
    return {name: np.arange(first, first + size) for name in names}


PACKED = {
    number: pack_block(block(2 + row, 10 * row), (USER, number))
    for row, number in enumerate(NUMBER.tolist())
}
TIMES = ([0, 1], [10, 11, 12], [20, 21, 22, 23])


def make_reader(reads, packed=PACKED):
    def read_blocks(numbers):
        reads.append(numbers)
        return [packed.get(number) for number in numbers]

    return BlockReader(USER, FEATURES, read_blocks, "the store", NUMBER)


@pytest.mark.parametrize("first", [[], [0], [1], [2], [0, 2], [0, 1, 2]])
@pytest.mark.parametrize("second", [[], [0], [1, 2], [0, 2], [0, 1, 2]])
def test_blocks_are_read_once_and_come_in_the_order_of_rows(first, second):
    reads = []
    reader = make_reader(reads)
    for rows in (first, second, first):
        events = reader.read(rows)
        assert events["timestamp"].tolist() == [time for row in rows for time in TIMES[row]]
        assert events.keys() == {"category", "timestamp", "item", "kind"}
    asked = [number for numbers in reads for number in numbers]
    assert sorted(asked) == sorted({int(NUMBER[row]) for row in first + second})


def test_what_is_read_ahead_is_read_together():
    reads = []
    reader = make_reader(reads)
    reader.read_ahead([2, 0])
    assert [reader.read([row])["timestamp"].tolist() for row in (0, 2)] == [TIMES[0], TIMES[2]]
    assert reads == [[8, 5]]


def test_a_block_that_is_missing_or_of_another_is_named():
    for packed in ({5: PACKED[5]}, PACKED | {0: PACKED[5]}):
        with pytest.raises(StoreCorruptedError, match="the store: block 0 of user 11 is missing"):
            make_reader([], packed).read([0, 1])

"""A user's tree as bytes, as it is built in bulk and moves from store to store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from lifelong.data.columns import Columns
from lifelong.serving.behavior_store.block import pack_block, split
from lifelong.serving.behavior_store.directory import Directory
from lifelong.serving.behavior_store.tree_edit import distinct


class PackedUser(NamedTuple):
    """One user as stored.

    Attributes:
        user: User id.
        directory: Packed directory.
        blocks: Packed blocks by number.
        events: Number of events.
    """

    user: int
    directory: bytes
    blocks: dict[int, bytes]
    events: int


def pack_user(user: int, events: Columns, block_size: int) -> PackedUser:
    """Makes the tree of a user.

    Args:
        user: User id.
        events: At least one, in any order; repetitions are left out.
        block_size: Events in a block.
    """
    return pack_tree(user, distinct(events)[0], block_size)


def pack_tree(user: int, events: Columns, block_size: int) -> PackedUser:
    """Makes the tree of a user whose events are in order already, as `distinct` returns them.

    Args:
        user: User id.
        events: At least one, in tree order, without repetitions.
        block_size: Events in a block.
    """
    blocks = list(enumerate(split(events, block_size)))
    directory = Directory.of(blocks)
    packed = {number: pack_block(block, (user, number)) for number, block in blocks}
    return PackedUser(user, directory.pack(user), packed, directory.events)


def batches(users: Iterable[PackedUser], size: int) -> Iterator[list[PackedUser]]:
    """Yields users in lists.

    Args:
        users: Any number.
        size: Bytes of packed data at which a list is full.
    """
    some: list[PackedUser] = []
    filled = 0
    for packed in users:
        some.append(packed)
        filled += len(packed.directory) + sum(map(len, packed.blocks.values()))
        if filled >= size:
            yield some
            some, filled = [], 0
    if some:
        yield some

import numpy as np
import pytest
import tensorflow as tf

from lifelong.models.row_blocks import row_blocks, table_in_blocks

VALUES = np.random.default_rng(0).normal(size=[10, 3]).astype(np.float32)


@pytest.mark.parametrize("size", [1, 3, 5, 10, 11])
def test_every_row_is_in_one_block(size):
    blocks = [block.numpy() for block in row_blocks(10, size)]
    assert max(map(len, blocks)) <= size
    np.testing.assert_array_equal(np.concatenate(blocks), np.arange(10))


@pytest.mark.parametrize("size", [1, 3, 10, 11])
@pytest.mark.parametrize("dtype", [tf.float32, tf.bfloat16, tf.int8, tf.int64])
def test_a_table_in_blocks_equals_one_computed_at_once(size, dtype):
    def compute(rows):
        return tf.cast(tf.gather(VALUES * 50, rows), dtype)

    table = table_in_blocks(10, compute, "table", size)
    assert (table.dtype, table.name, table.trainable) == (dtype, "table:0", False)
    np.testing.assert_array_equal(table.numpy(), compute(tf.range(10)).numpy())


def test_rows_may_be_numbers_or_come_from_numpy():
    table = table_in_blocks(7, lambda rows: rows.numpy() ** 2, "squares", size=3)
    np.testing.assert_array_equal(table.numpy(), np.arange(7) ** 2)

"""Reads per-user records as batches of requests: `[B, T]` histories and `[B, N]` candidates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from lifelong.data.keys import REQUEST_TIMESTAMP
from lifelong.models.item_features import add_entries
from lifelong.models.records import Pool, cut_requests, make_pool

# Pools that are open at a time while shuffling, so that batches of different users alternate.
_OPEN_POOLS = 4
# Records parsed at a time while only counting.
_COUNTED_TOGETHER = 256


def request_dataset(
    files: Sequence[str],
    spec: Mapping[str, Any],
    window: int,
    batch_size: int,
    pool_users: int = 256,
    shuffle: bool = False,
    seed: int = 0,
    between: tuple[int, int] | None = None,
    items: np.ndarray | None = None,
    evidence_length: int = 0,
) -> tf.data.Dataset:
    """Makes a dataset of request batches out of files of per-user records.

    With `shuffle`, records are shuffled, then the requests of `pool_users` records at a time, and
    the batches of a few such pools alternate; every pass has another order. Memory is bounded by
    the pools, not by the files. Each pool ends in a batch that may be smaller.

    Args:
        files: File patterns of TFRecord files (gzip).
        spec: Parsing specification: `record_spec` for raw records, Transform's
            `transformed_feature_spec()` for transformed ones.
        window: T, the most recent events of a history.
        batch_size: Requests in a batch.
        pool_users: Records in a pool.
        shuffle: Whether to shuffle; otherwise requests come in the order of the files.
        seed: Seed of the shuffling.
        between: Unix seconds (start, end): only requests at start <= time < end; all of them if
            None. Their histories are the same either way.
        items: Raw ids of the entries of an item table, as `find_entries` takes them: entries are found
            once for each event and candidate of a record, not for each request. None: there is none.
        evidence_length: Newest events that are counted for each candidate, so that the model need not
            do that again; 0: none are.

    Returns:
        A dataset of dictionaries as `cut_requests` makes them.

    Raises:
        ValueError: If no file fits the patterns.
    """
    records = serialized_records(files, parallel_reads=_OPEN_POOLS if shuffle else 1)
    if shuffle:
        records = records.shuffle(_OPEN_POOLS * pool_users, seed=seed)

    def parse(serialized: tf.Tensor) -> Pool:
        pool = make_pool(tf.io.parse_example(serialized, dict(spec)))
        return pool if entries is None else add_entries(pool, entries)

    entries = None if items is None else tf.constant(items)
    pools = records.batch(pool_users).map(parse, num_parallel_calls=tf.data.AUTOTUNE)
    seeds = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True)

    def batches(pool: Pool, pool_seed: tf.Tensor) -> tf.data.Dataset:
        count = tf.shape(pool["record_of_request"], out_type=tf.int64)[0]
        order = tf.range(count)
        if between is not None:
            times = pool[REQUEST_TIMESTAMP]
            order = tf.boolean_mask(order, (between[0] <= times) & (times < between[1]))
            count = tf.size(order, out_type=tf.int64)
        if shuffle:
            order = tf.random.experimental.stateless_shuffle(order, seed=[seed, pool_seed])

        def cut(start: tf.Tensor) -> dict[str, tf.Tensor]:
            requests = order[start : start + batch_size]
            return cut_requests(pool, requests, window, evidence_length)

        return tf.data.Dataset.range(0, count, batch_size).map(cut)

    seeded = tf.data.Dataset.zip((pools, seeds))
    if shuffle:
        requests = seeded.interleave(
            batches,
            cycle_length=_OPEN_POOLS,
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=True,
        )
    else:
        requests = seeded.flat_map(batches)
    return requests.prefetch(tf.data.AUTOTUNE)


def count_requests(files: Sequence[str], spec: Mapping[str, Any]) -> int:
    """Counts the requests in files of per-user records.

    Args:
        files: File patterns of TFRecord files (gzip).
        spec: Parsing specification, as for `request_dataset`.

    Raises:
        ValueError: If no file fits the patterns.
    """
    timestamps = {REQUEST_TIMESTAMP: spec[REQUEST_TIMESTAMP]}

    def count(serialized: tf.Tensor) -> tf.Tensor:
        return tf.size(tf.io.parse_example(serialized, timestamps)[REQUEST_TIMESTAMP].flat_values)

    records = serialized_records(files, parallel_reads=_OPEN_POOLS).batch(_COUNTED_TOGETHER)
    return int(sum(records.map(count).as_numpy_iterator()))


def serialized_records(files: Sequence[str], parallel_reads: int = 1) -> tf.data.Dataset:
    """Reads records as they are: serialised `tf.train.Example`, one per user.

    Args:
        files: File patterns of TFRecord files (gzip).
        parallel_reads: Files read at a time; their records alternate if there are several.

    Raises:
        ValueError: If no file fits the patterns.
    """
    paths = tf.io.gfile.glob(list(files))
    if not paths:
        raise ValueError(
            f"no record file fits {list(files)}; check the folder and the split's name"
        )
    return tf.data.TFRecordDataset(
        sorted(paths), compression_type="GZIP", num_parallel_reads=parallel_reads
    )

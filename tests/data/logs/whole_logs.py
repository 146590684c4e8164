"""Reads whole logs."""

import numpy as np

from lifelong.data.logs import reading
from lifelong.data.logs.config import LogConfig
from lifelong.data.logs.fields import behavior_fields

HEADER = "user,item,category,timestamp\n"
NAMES = tuple(HEADER.strip().split(","))


def read_whole(files, features=(), **options):
    """Reads a behaviour log whose times may be small; returns (columns as lists, bad rows)."""
    log = LogConfig(files=files, earliest="1970-01-01", **options)
    batches = list(reading.read_all(log, behavior_fields(log, features), "behaviors"))
    block = {
        key: np.concatenate([batch.block[key] for batch in batches]).tolist()
        for key in batches[0].block
    }
    return block, [row for batch in batches for row in batch.bad]


def told(bad):
    """Returns rows and reasons."""
    return [(row.row, row.reason) for row in bad]

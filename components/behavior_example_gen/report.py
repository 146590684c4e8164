"""Refuses an ingestion that read too much it could not use, or made too little."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lifelong.components.behavior_example_gen.config import IngestConfig
from lifelong.data.keys import SPLITS
from lifelong.data.logs.counts import check_rows, summary


def check(counts: Mapping[str, int], config: IngestConfig, quarantined: Iterable[str]) -> None:
    """Raises if the logs were too bad or gave too little.

    Args:
        counts: Everything counted.
        config: What was to be made.
        quarantined: Quarantined rows as JSON text; read only where needed for the message.

    Raises:
        ValueError: Says what was wrong with which log, and which option decides.
    """
    for log in config.logs:
        check_rows(counts, log, config.max_bad_share, quarantined)
    for split in SPLITS:
        if not counts.get(f"{split}/requests"):
            raise ValueError(
                f"the split {split!r} got no requests. Check splits, requests.min_history and the "
                f"units of time; these are the counts:\n{summary(counts)}"
            )

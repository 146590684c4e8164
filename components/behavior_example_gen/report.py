"""Judges an ingestion by its counts: refuses what nothing can come of, and warns of what is odd."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from lifelong.components.behavior_example_gen import agreement, repeats
from lifelong.components.behavior_example_gen.config import IngestConfig
from lifelong.data.keys import SPLITS
from lifelong.data.logs.counts import bad_row_warnings, bad_rows, check_rows, check_values, summary

# A smaller share is what logs are like; a larger one is worth a warning.
ODD_SHARE = 0.1


def check(counts: Mapping[str, int], config: IngestConfig, quarantined: Iterable[str]) -> list[str]:
    """Raises if the logs were too bad, do not fit together or gave too little.

    Args:
        counts: Everything counted.
        config: What was to be made.
        quarantined: Quarantined rows as JSON text; read only where needed for the message.

    Returns:
        Warnings: what can be used, but may not be what was meant.

    Raises:
        ValueError: Says what was wrong with which log, and which option decides.
    """
    for log in config.logs:
        check_rows(counts, log, config.max_bad_share, quarantined)
        check_values(counts, log, config.fields_of(log))
    _check_logs_know_each_other(counts, config)
    for split in SPLITS:
        _check_split(counts, config, split)
    return list(_warnings(counts, config))


def _check_logs_know_each_other(counts: Mapping[str, int], config: IngestConfig) -> None:
    for log in ("impressions", "users"):
        users = counts.get(f"{log}/users", 0)
        if users and counts[f"{log}/users_not_in_behaviors"] == users:
            raise ValueError(
                f"none of the {users:,} users of the log {log} occurs in the log behaviors: are "
                f"{log}.columns.user ({config.logs[log].columns.user}) and behaviors.columns.user "
                f"({config.behaviors.columns.user}) the same kind of id, written alike?"
            )
    for key in agreement.COMPARED:
        looked_up = counts.get(agreement.sampled(key), 0)
        if looked_up and counts[agreement.unknown(key)] == looked_up:
            assert config.impressions is not None
            raise ValueError(
                f"none of {looked_up:,} {key} ids of the impressions' candidates occurs in the log "
                f"behaviors: are impressions.columns.{key} "
                f"({getattr(config.impressions.columns, key)}) and behaviors.columns.{key} "
                f"({getattr(config.behaviors.columns, key)}) the same kind of id, written alike?"
            )


def _check_split(counts: Mapping[str, int], config: IngestConfig, split: str) -> None:
    requests, candidates, positives, alone = (
        counts.get(f"{split}/{name}", 0)
        for name in ("requests", "candidates", "positives", "requests_without_history")
    )
    if not requests:
        reason = "Check splits, requests.min_history and the units of time"
        if config.requests.positive_behaviors and counts.get("baskets/without_positive"):
            reason = (
                f"Check requests.positive_behaviors ({', '.join(config.requests.positive_behaviors)})"
                " and splits"
            )
        problem = "got no requests"
    elif not positives:
        problem = f"has {candidates:,} candidates, but not one positive"
        reason = "Check impressions.columns.label and the time from which labels are there (splits)"
    elif positives == candidates:
        problem = f"has {candidates:,} candidates, but not one negative"
        reason = "Check impressions.columns.label: the log must also hold what was not taken"
        if config.impressions is None:
            reason = "Negatives are items of other users in the same week: there must be some"
    elif alone == requests:
        problem = f"has {requests:,} requests, but none of a user with an earlier event"
        reason = "Check that the log behaviors begins before the split, and the units of time of all logs"
    else:
        return
    raise ValueError(
        f"the split {split!r} {problem}. {reason}; these are the counts:\n{summary(counts)}"
    )


def _warnings(counts: Mapping[str, int], config: IngestConfig) -> Iterator[str]:
    for log in config.logs:
        yield from bad_row_warnings(counts, log)
        yield from _category_warnings(counts, log, config)
    if "impressions" in config.logs:
        yield from _odd(
            counts,
            "impressions/users_not_in_behaviors",
            "impressions/users",
            "users of the log impressions do not occur in the log behaviors",
        )
        for key in agreement.COMPARED:
            yield from _odd(
                counts,
                agreement.unknown(key),
                agreement.sampled(key),
                f"{key} ids of the impressions' candidates do not occur in the log behaviors",
            )
    yield from _odd(
        counts,
        "users/users_without_row",
        "users/users_with_requests",
        "users with requests have no row in the log users: their features are missing",
    )
    for split in SPLITS:
        for name, what in {
            "requests_without_history": "have no earlier event of their user",
            "requests_short_of_negatives": "have fewer negatives than requests.negatives asks for",
        }.items():
            yield from _odd(
                counts, f"{split}/{name}", f"{split}/requests", f"requests of {split} {what}"
            )
    for name, what in {
        "users/contradictory": "users stand in the log users with different values; one was taken",
        "requests/contradictory_features": "requests have rows with different values of a request "
        "feature; the first was taken",
    }.items():
        if counts.get(name):
            yield f"{counts[name]:,} {what}"
    yield from _repeats(counts, config)


def _category_warnings(counts: Mapping[str, int], log: str, config: IngestConfig) -> Iterator[str]:
    """Warns where the item table and a log do not fit each other."""
    rows = counts[f"{log}/rows"] - bad_rows(counts, log)
    without = counts.get(f"{log}/missing/category", 0)
    if without and not config.logs[log].columns.category:
        yield (
            f"{without:,} of {rows:,} rows of the log {log} are of items without a category in the "
            "item table; they have that of items without one"
        )
    others = counts.get(f"{log}/category_not_of_item_table", 0)
    if others:
        yield (
            f"{others:,} of {rows:,} rows of the log {log} have another category than their item has "
            "in the item table; the log's counts"
        )


def _odd(counts: Mapping[str, int], part: str, whole: str, what: str) -> Iterator[str]:
    some, all_of_them = counts.get(part, 0), counts.get(whole, 0)
    if some > ODD_SHARE * all_of_them:
        yield f"{some:,} of {all_of_them:,} {what} ({some / all_of_them:.0%})"


def _repeats(counts: Mapping[str, int], config: IngestConfig) -> Iterator[str]:
    """Warns where to have had an item tells that it is a negative: nobody takes it twice."""
    if config.impressions is not None or not counts.get(repeats.NEGATIVES):
        return
    negatives = counts[repeats.NEGATIVES_HAD] / counts[repeats.NEGATIVES]
    positives = counts[repeats.POSITIVES_HAD] / max(counts[repeats.POSITIVES], 1)
    if negatives > 0.01 and negatives > 2 * positives:
        yield (
            f"{negatives:.0%} of the sampled negatives are items that their user has had before, but "
            f"only {positives:.0%} of the positives: if nobody takes an item twice, set "
            "requests.exclude_history_from_negatives to true"
        )

"""Checks of an ingestion's configuration; each message names the field and the fix."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifelong.data.features import PREFIXES, features_of

if TYPE_CHECKING:
    from lifelong.components.behavior_example_gen.config import IngestConfig
    from lifelong.data.logs.config import LogConfig


def check(config: IngestConfig) -> None:
    """Raises a ValueError if a field, or how fields fit together, makes no sense."""
    for name, log in config.tables.items():
        _check_log(name, log)
    _check_categories(config)
    _check_features(config)
    _check_text_columns(config)
    _check_category_separators(config)
    _check_numbers(config)
    _check_splits(config)


def _check_log(name: str, log: LogConfig) -> None:
    if not log.patterns:
        raise ValueError(f"{name}.files is empty; set a path or a glob such as logs/*.parquet")
    for pattern in log.patterns:
        if "**" in pattern:
            raise ValueError(
                f"{name}.files: `**` is not supported in {pattern!r}; write one `*` a folder"
            )
    if not log.delimiter or set(log.delimiter) & set('"\r\n') or "\\" in log.delimiter:
        raise ValueError(
            f"{name}.delimiter is {log.delimiter!r}; it must be one or more characters other than "
            'quotes, line ends and backslashes (in YAML, write a tab as "\\t")'
        )
    if len(set(log.column_names)) != len(log.column_names):
        raise ValueError(f"{name}.column_names has a name twice: {', '.join(log.column_names)}")
    earliest, latest = log.time_range
    if earliest > latest:
        raise ValueError(
            f"{name}.latest ({log.latest or 'a day from now'}) is before {name}.earliest"
        )


def _check_categories(config: IngestConfig) -> None:
    for name, log in config.logs.items():
        if name != "users" and not log.columns.category and config.category_table is None:
            raise ValueError(
                f"{name}.columns.category is empty; name the column with the category, or set "
                "items.files and items.columns.category to a table that tells it of each item"
            )


def _check_features(config: IngestConfig) -> None:
    keys = [feature.key for feature in (*config.all_features, *config.item_features)]
    for key in keys:
        if keys.count(key) > 1:
            raise ValueError(
                f"features: {key} is declared twice (behaviors.columns.behavior declares the "
                "event feature `behavior` by itself); remove one"
            )
    for owner in PREFIXES:
        names = [feature.name for feature in features_of(config.features, owner)]  # type: ignore[arg-type]
        if owner in ("candidate", "request") and names and config.impressions is None:
            raise ValueError(
                f"features: the {owner} feature {names[0]!r} needs an impression log; set "
                "impressions.files or remove the feature"
            )
        if owner == "user" and names and config.users is None:
            raise ValueError(
                f"features: the user feature {names[0]!r} needs a user table; set users.files "
                "or remove the feature"
            )
        if owner == "user" and not names and config.users is not None:
            raise ValueError(
                "users: a user table is set but no feature is `of: user`; declare one or "
                "remove the table"
            )
        if owner == "item" and names and config.items is None:
            raise ValueError(
                f"features: the item feature {names[0]!r} needs an item table; set items.files "
                "or remove the feature"
            )
        if owner == "item" and not names and config.items and not config.items.columns.category:
            raise ValueError(
                "items: an item table is set, but it has no category (items.columns.category) and no "
                "feature is `of: item`; declare one or remove the table"
            )


def _check_text_columns(config: IngestConfig) -> None:
    text_of: dict[str, dict[str, bool]] = {}
    for name, log in config.tables.items():
        fields = [f for f in config.fields_of(name) if f.kind in ("id", "categorical")]
        for column in log.text_columns:
            if all(field.column != column for field in fields):
                raise ValueError(
                    f"{name}.text_columns names {column!r}, which is no column of ids, categories or "
                    f"categorical features; those are {', '.join(field.column for field in fields)}"
                )
        for field in fields:
            text_of.setdefault(field.key, {})[name] = field.is_text
    for key, by_log in text_of.items():
        if len(set(by_log.values())) > 1:
            text, other = (
                next(name for name, is_text in by_log.items() if is_text is wanted)
                for wanted in (True, False)
            )
            raise ValueError(
                f"the {key} is text by {text}.text_columns, but not in {other}: name its column in "
                f"{other}.text_columns too, or in neither"
            )


def _check_category_separators(config: IngestConfig) -> None:
    has_separator = {
        name: bool(log.category_separator)
        for name, log in config.tables.items()
        if name != "users" and log.columns.category
    }
    if len(set(has_separator.values())) > 1:
        one, other = (
            next(name for name, has in has_separator.items() if has is wanted)
            for wanted in (True, False)
        )
        raise ValueError(
            f"{one}.category_separator is set, but not {other}.category_separator: the categories "
            "of both must be made alike; set both (values of one category stay as they are)"
        )


def _check_numbers(config: IngestConfig) -> None:
    at_least = {
        "requests.min_history": (config.requests.min_history, 0),
        "requests.max_positives": (config.requests.max_positives, 1),
        # With an impression log, its rows are the negatives.
        "requests.negatives": (config.requests.negatives, 1 if config.impressions is None else 0),
        "splits.max_train_requests": (config.splits.max_train_requests, 0),
        "splits.max_validation_requests": (config.splits.max_validation_requests, 0),
        "splits.max_eval_requests": (config.splits.max_eval_requests, 0),
        "window": (config.window, 1),
        "shards": (config.shards, 1),
        "max_events_per_record": (config.max_events_per_record, 2 * config.window),
        "negative_pool_size": (config.negative_pool_size, 1),
    }
    for name, (value, least) in at_least.items():
        if value < least:
            why = " (twice the window)" if name == "max_events_per_record" else ""
            raise ValueError(f"{name} is {value}; it must be at least {least}{why}")
    if not 0 <= config.max_bad_share <= 1:
        raise ValueError(f"max_bad_share is {config.max_bad_share}; it must be between 0 and 1")
    if config.requests.exclude_history_from_negatives and config.impressions is not None:
        raise ValueError(
            "requests.exclude_history_from_negatives is about sampled negatives; those of an "
            "impression log are its rows: remove one of both"
        )
    if config.requests.positive_behaviors and not config.behaviors.columns.behavior:
        raise ValueError(
            "requests.positive_behaviors needs the behaviour type; set behaviors.columns.behavior"
        )


def _check_splits(config: IngestConfig) -> None:
    splits = config.splits
    if splits.by == "time":
        for name in ("validation_start", "eval_start"):
            if not getattr(splits, name):
                raise ValueError(
                    f"splits.{name} is empty; set a date such as 2017-10-15, or splits.by to user"
                )
    else:
        for name in ("validation_start", "eval_start"):
            if getattr(splits, name):
                raise ValueError(f"splits.{name} has no meaning when splits.by is user; remove it")
        for name in ("validation_share", "eval_share"):
            if not 0 < getattr(splits, name) < 1:
                raise ValueError(
                    f"splits.{name} is {getattr(splits, name)}; it must lie between 0 and 1"
                )
        if splits.validation_share + splits.eval_share >= 1:
            raise ValueError(
                "splits.validation_share and splits.eval_share leave no users to train on; "
                "lower them"
            )
    splits.bounds()

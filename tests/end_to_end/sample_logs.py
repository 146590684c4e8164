"""Small logs of users who keep buying their favourites, so that a history tells something."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np

DAY = 86_400
START = 1_483_228_800  # 2017-01-01
DAYS = 364
ITEMS, CATEGORIES = 300, 20
FAVOURITES = 12

# Dates that leave some weeks to each split.
SPLITS = {
    "data.splits.train_start": "2017-05-01",
    "data.splits.validation_start": "2017-09-15",
    "data.splits.eval_start": "2017-10-15",
}
# A model that trains in seconds.
SMALL_MODEL = {
    "model.short_length": 10,
    "model.long_length": 60,
    "model.searched_events": 8,
    "training.epochs": 3,
    "training.batch_size": 32,
    "training.learning_rate": 0.005,
}


def flags(*groups: dict[str, object]) -> list[str]:
    """Returns command-line flags of configuration values."""
    return [f"--{key}={value}" for group in groups for key, value in group.items()]


def make_baskets(users: int, seed: int = 0) -> list[tuple[int, int, list[int]]]:
    """Returns (user, time, items) of weekly baskets, mostly of the user's favourites."""
    rng = np.random.default_rng(seed)
    baskets = []
    for user in range(1, users + 1):
        favourites = rng.choice(ITEMS, FAVOURITES, replace=False)
        for day in range(int(rng.integers(0, 5)), DAYS, 4):
            known = rng.choice(favourites, 3, replace=False)
            new = rng.integers(0, ITEMS, 1)
            time = START + day * DAY + int(rng.integers(0, DAY))
            baskets.append((user, time, [int(i) for i in np.unique([*known, *new])]))
    return baskets


def write_behavior_csv(baskets: list[tuple[int, int, list[int]]], path: Path) -> None:
    """Writes a behaviour log with one unusable row."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["user", "item", "category", "timestamp"])
        for user, time, items in baskets:
            for item in items:
                writer.writerow([user, item, item % CATEGORIES, time])
        writer.writerow([1, "", 3, START])


def write_behavior_jsonl(baskets: list[tuple[int, int, list[int]]], path: Path) -> None:
    """Writes a behaviour log with behaviour types and text ids."""
    with path.open("w") as file:
        for user, time, items in baskets:
            for position, item in enumerate(items):
                row = {
                    "user": f"u{user}",
                    "item": f"i{item}",
                    "category": f"c{item % CATEGORIES}",
                    "timestamp": time,
                    "action": "buy" if position % 2 else "view",
                }
                file.write(json.dumps(row) + "\n")


def write_items_jsonl(path: Path) -> None:
    """Writes an item table: categories with names of their own, brands and vectors."""
    with path.open("w") as file:
        for item in range(ITEMS):
            row = {
                "item": f"i{item}",
                "category": f"shelf{item % CATEGORIES}",
                "brand": f"b{item % 9}",
                "image": [item / ITEMS, 0.5, -1],
            }
            file.write(json.dumps(row) + "\n")


def write_impressions_jsonl(baskets: list[tuple[int, int, list[int]]], path: Path) -> None:
    """Writes an impression log: what was bought among other items, unequally many, with prices."""
    rng = np.random.default_rng(1)
    with path.open("w") as file:
        for user, time, items in baskets:
            others = rng.integers(0, ITEMS, rng.integers(2, 9))
            for item in {*items, *(int(i) for i in others)}:
                row = {
                    "user": f"u{user}",
                    "item": f"i{item}",
                    "category": f"c{item % CATEGORIES}",
                    "timestamp": time,
                    "label": int(item in items),
                    "price": 1.0 + item % 7,
                }
                file.write(json.dumps(row) + "\n")

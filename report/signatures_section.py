"""Whether signatures tell items apart: balance of their bits, collisions, distances."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from lifelong.models.ctr_model import CTRModel
from lifelong.report.charts import bars_about, lines
from lifelong.report.page import Block, Facts, Figure, Paragraph, Section, share

# Items of which bits are counted, and pairs of items that are compared: more say the same.
_MOST_ITEMS, _PAIRS = 200_000, 200_000
# Distances that are drawn are at least as frequent.
_SMALLEST_SHARE = 1e-4


class Collisions(NamedTuple):
    """Items that a signature does not tell apart.

    Attributes:
        signatures: Different signatures.
        items: Items that share theirs with another one.
        largest: Items that share the most frequent signature.
    """

    signatures: int
    items: int
    largest: int


def unpack_bits(words: np.ndarray, bits: int) -> np.ndarray:
    """Returns the bits of signatures.

    Args:
        words: `[n, W]` int64; bit i is bit i % 64 of word i // 64.
        bits: M.

    Returns:
        `[n, M]` bool.
    """
    little_endian = np.ascontiguousarray(words, dtype="<i8").view(np.uint8)
    return np.unpackbits(little_endian, axis=1, bitorder="little")[:, :bits].astype(bool)


def count_collisions(words: np.ndarray) -> Collisions:
    """Counts the items that share a signature.

    Args:
        words: Signatures of items, `[n, W]`.
    """
    _, counts = np.unique(words, axis=0, return_counts=True)
    shared = counts[counts > 1]
    return Collisions(len(counts), int(shared.sum()), int(counts.max(initial=0)))


def distance_shares(ones: np.ndarray, pairs: int = _PAIRS, seed: int = 0) -> np.ndarray:
    """Returns how often random pairs of different items differ in 0, 1, ... M bits.

    Args:
        ones: Bits of at least two items, `[n, M]`.
        pairs: Pairs to draw.
        seed: Of the drawing.

    Returns:
        float64 `[M + 1]`.
    """
    random = np.random.default_rng(seed)
    first = random.integers(0, len(ones), pairs)
    # Any item but the first.
    second = (first + random.integers(1, len(ones), pairs)) % len(ones)
    distance = (ones[first] != ones[second]).sum(axis=1)
    return np.bincount(distance, minlength=ones.shape[1] + 1) / pairs


def fair_shares(bits: int) -> np.ndarray:
    """Returns what `distance_shares` would be if all bits were thrown by fair coins."""
    return np.array([math.comb(bits, distance) / 2**bits for distance in range(bits + 1)])


def signature_tables(model: CTRModel) -> dict[str, np.ndarray]:
    """Computes the signatures that a model is served with, of all known items.

    Args:
        model: A trained model; from here on it looks them up.

    Returns:
        `[items, W]` by what they are of; empty if its search compares no signatures.
    """
    config = model.spec.model
    tables = model.long_term.bake()
    if config.long_term == "eta":
        # What stands for unknown items comes first; in the item table that is one entry.
        first = 1 if config.search_vectors else config.unknown_item_rows
        return {"items": tables[0].numpy()[first:]}
    if config.long_term == "sim_soft" and config.soft_search.served_by == "alsh":
        names = ("events", "candidates")
        return {
            name: table.numpy()[config.unknown_item_rows :]
            for name, table in zip(names, tables, strict=True)
        }
    return {}


def signatures_section(model: CTRModel) -> Section | None:
    """Returns how well signatures tell items apart; None for a model that has none."""
    config = model.spec.model
    bits = config.signature_bits if config.long_term == "eta" else config.soft_search.alsh_bits
    tables = signature_tables(model)
    if not tables:
        return None
    blocks: list[Block] = []
    for name, words in tables.items():
        blocks += _blocks(words, bits, "" if name == "items" else f" of items as {name}")
    return Section("signatures", "Signatures", blocks)


def _blocks(words: np.ndarray, bits: int, of: str) -> list[Block]:
    items = len(words)
    if items < 2:
        return [Paragraph("There are fewer than two known items, so no signatures to compare.")]
    collisions = count_collisions(words)
    drawn = words
    if items > _MOST_ITEMS:
        drawn = words[np.random.default_rng(0).choice(items, _MOST_ITEMS, replace=False)]
    ones = unpack_bits(drawn, bits)
    balance = ones.mean(axis=0)
    uneven = int(np.sum(np.abs(balance - 0.5) > 0.2))
    distances = distance_shares(ones)
    mean = float(np.arange(bits + 1) @ distances)
    fair = fair_shares(bits)
    seen = np.flatnonzero(np.maximum(distances, fair) > _SMALLEST_SHARE)
    first, last = seen[0], seen[-1]
    most = f"; the most frequent signature is that of {collisions.largest:,}"
    return [
        Facts(
            [
                (f"Signatures{of}", f"{items:,} items, {bits} bits each"),
                ("Different ones", f"{collisions.signatures:,}"),
                (
                    "Items that share theirs with another",
                    f"{collisions.items:,} ({share(collisions.items / items)})"
                    + (most if collisions.items else ""),
                ),
                (
                    "Bits far from even",
                    f"{uneven} of {bits} are 1 for less than 30% or more than 70%",
                ),
                (
                    "Mean distance of two items",
                    f"{mean:.1f} bits; {bits / 2:g} if bits were fair coins",
                ),
            ]
        ),
        Figure(
            f"Balance of each bit{of}",
            "Share of items for which a bit is 1. A bit near one half halves the items; one near 0 or 1 "
            "tells little. Directions are random, so that bits lie off the middle where vectors have a "
            "common direction.",
            bars_about(
                [{"bit": bit, "share": float(value)} for bit, value in enumerate(balance)],
                ("bit", "bit"),
                ("share", "share of items"),
                0.5,
            ),
        ),
        Figure(
            f"Distance of two random items{of}",
            "In how many bits the signatures of two items differ. The wider the curve, the more a search "
            "has to go by; fair coins would tell nothing of which items are alike.",
            lines(
                [
                    {"distance": distance, "share": float(value), "of": name}
                    for name, values in (("items", distances), ("fair coins", fair))
                    for distance, value in enumerate(values)
                    if first <= distance <= last
                ],
                ("distance", "bits that differ"),
                ("share", "share of pairs"),
                "of",
            ),
        ),
    ]

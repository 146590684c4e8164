"""Declares which extra features travel from the logs to the model, and how they are named."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from typing import Literal

from lifelong.data.keys import CANDIDATE, HISTORY, OF_USER, REQUEST

Owner = Literal["event", "candidate", "request", "user"]
Kind = Literal["categorical", "numeric"]

# The prefix that a feature's owner gives its name in records and on the wire.
PREFIXES: dict[str, str] = {
    "event": HISTORY,
    "candidate": CANDIDATE,
    "request": REQUEST,
    "user": OF_USER,
}
# Names the data contract has already given away.
RESERVED = frozenset(
    {
        "item",
        "item_hash",
        "category",
        "timestamp",
        "length",
        "label",
        "events",
        "candidates",
        "slot",
    }
)


@dataclasses.dataclass(frozen=True)
class Feature:
    """An extra feature of events, candidates, requests or users.

    Attributes:
        name: Name in records, in the model and on the wire, after the owner's prefix: an event
            feature `quantity` is called `history_quantity`.
        of: What the feature belongs to. Event features are columns of the behaviour log,
            candidate and request features of the impression log, user features of the user table.
        kind: `categorical` features are int64 ids (text is turned into ids) and get an embedding;
            `numeric` ones are float32 and are standardised with the training split's statistics.
        column: Column of the log; the name itself when empty.

    Example:
        >>> Feature(name="quantity", of="event", kind="numeric").key
        'history_quantity'
    """

    name: str
    of: Owner
    kind: Kind = "categorical"
    column: str = ""

    def __post_init__(self) -> None:
        if self.of not in PREFIXES:
            raise ValueError(
                f"feature {self.name!r}: `of` is {self.of!r}; expected one of {', '.join(PREFIXES)}"
            )
        if self.kind not in ("categorical", "numeric"):
            raise ValueError(
                f"feature {self.name!r}: `kind` is {self.kind!r}; expected categorical or numeric"
            )
        if not re.fullmatch(r"[a-z][a-z0-9_]*", self.name) or self.name in RESERVED:
            raise ValueError(
                f"feature name {self.name!r}: use lower-case letters, digits and underscores, and "
                f"none of {', '.join(sorted(RESERVED))}"
            )

    @property
    def key(self) -> str:
        """Name in records and on the wire."""
        return f"{PREFIXES[self.of]}{self.name}"

    @property
    def source_column(self) -> str:
        """Column of the log that holds the values."""
        return self.column or self.name

    @property
    def is_categorical(self) -> bool:
        """Whether values are ids that are looked up in a vocabulary."""
        return self.kind == "categorical"


def features_of(features: Iterable[Feature], owner: Owner) -> list[Feature]:
    """Returns the features that belong to `owner`, in configured order."""
    return [feature for feature in features if feature.of == owner]

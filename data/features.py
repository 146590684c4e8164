"""Declares which extra features travel from the logs to the model, and how they are named."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from typing import Literal, get_args

from lifelong.data.keys import CANDIDATE, HISTORY, OF_ITEM, OF_USER, REQUEST

Owner = Literal["event", "candidate", "request", "user", "item"]
Kind = Literal["categorical", "numeric", "vector"]

# The prefix that a feature's owner gives its name in records, on the wire and in the item table.
PREFIXES: dict[str, str] = {
    "event": HISTORY,
    "candidate": CANDIDATE,
    "request": REQUEST,
    "user": OF_USER,
    "item": OF_ITEM,
}
# Names the data contract has already given away.
RESERVED = frozenset(
    {
        "item",
        "item_id",
        "item_entry",
        "category",
        "timestamp",
        "length",
        "label",
        "events",
        "candidates",
        "slot",
        "item_evidence",
        "category_evidence",
        "evidence",
        "item_statistics",
        "category_statistics",
        "statistics",
        "statistics_time",
    }
)


@dataclasses.dataclass(frozen=True)
class Feature:
    """An extra feature of events, candidates, requests, users or items.

    Features of items are a table in the model: records and requests do not have them.

    Attributes:
        name: Name in records, in the model and on the wire, after the owner's prefix: an event
            feature `quantity` is called `history_quantity`.
        of: What the feature belongs to. Event features are columns of the behaviour log,
            candidate and request features of the impression log, user features of the user table,
            item features of the item table.
        kind: `categorical` features are int64 ids (text is turned into ids) and get an embedding;
            `numeric` ones are float32 and are standardised with the training split's statistics
            (those of items: with the item table's); a `vector`, of items alone, is `size` numbers,
            such as an embedding of an image.
        column: Column of the log; the name itself when empty.
        size: Numbers of a vector; 0 for other kinds.

    Example:
        >>> Feature(name="quantity", of="event", kind="numeric").key
        'history_quantity'
    """

    name: str
    of: Owner
    kind: Kind = "categorical"
    column: str = ""
    size: int = 0

    def __post_init__(self) -> None:
        if self.of not in PREFIXES:
            raise ValueError(
                f"feature {self.name!r}: `of` is {self.of!r}; expected one of {', '.join(PREFIXES)}"
            )
        if self.kind not in get_args(Kind):
            raise ValueError(
                f"feature {self.name!r}: `kind` is {self.kind!r}; expected one of "
                f"{', '.join(get_args(Kind))}"
            )
        if self.kind == "vector" and self.of != "item":
            raise ValueError(
                f"feature {self.name!r}: a vector must be `of: item`, not {self.of!r}; put it into the "
                "item table (data.items)"
            )
        if (self.size > 0) is not (self.kind == "vector"):
            raise ValueError(
                f"feature {self.name!r}: `size` is {self.size}; a vector needs the number of its "
                "values, other kinds have none"
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

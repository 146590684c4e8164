"""How ids and categories are made: what a model and a behaviour store have to agree on."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping

from lifelong.data.logs.config import LogConfig

# Of the rule in `lifelong.data.ids` by which values become ids: raised when that changes.
VERSION = 2
# The two halves of a contract by name, with the fields that each of them tells.
_HALVES = {
    "id_space": ("version", "text", "user", "item", "id_space"),
    "category_taxonomy": (
        "version",
        "text",
        "category",
        "category_separator",
        "category_taxonomy",
    ),
}
# What is told where no contract is known.
NO_CONTRACT = dict.fromkeys(_HALVES, "")
_RUN_AGAIN = "run `lifelong run` again, which trains, builds and pushes both anew"


class ContractError(ValueError):
    """Ids or categories of two parts are made differently, or by another version's rule."""


@dataclasses.dataclass(frozen=True)
class DataContract:
    """How the ids and categories of a model or a behaviour store are made.

    A model and a store fit together only if their contracts are equal. Columns and rule tell much by
    themselves. What no configuration can tell is whether the same column holds other ids than last
    year: for that there are the labels `id_space` and `category_taxonomy`, which you change when
    ids or categories are assigned anew.

    Attributes:
        version: Of the rule by which values become ids, see `lifelong.data.ids`.
        user: Column of the user's id in the behaviour log.
        item: Column of the item's id.
        category: Column of the category; that of the item table is called `items.` before its name.
        id_space: Label of the way in which user and item ids are assigned.
        category_taxonomy: Label of the way in which categories are assigned.
        text: Which of user, item and category are declared to be text, in this order, with commas.
        category_separator: What stands between several categories, of which the first is taken.
    """

    version: int
    user: str = "user"
    item: str = "item"
    category: str = "category"
    id_space: str = ""
    category_taxonomy: str = ""
    text: str = ""
    category_separator: str = ""

    @classmethod
    def of(
        cls,
        log: LogConfig,
        id_space: str = "",
        category_taxonomy: str = "",
        items: LogConfig | None = None,
    ) -> DataContract:
        """Returns the contract of what this version reads from a log.

        Args:
            log: The behaviour log.
            id_space: Label, see the class.
            category_taxonomy: Label, see the class.
            items: The item table, if it tells the categories.
        """
        names = {key: getattr(log.columns, key) for key in ("user", "item", "category")}
        texts = [key for key, column in names.items() if column in log.text_columns]
        if items is not None:
            names["category"] = f"items.{items.columns.category}"
            texts += ["category"] if items.columns.category in items.text_columns else []
        return cls(
            VERSION,
            **names,
            text=",".join(texts),
            category_separator=(items or log).category_separator,
            id_space=id_space,
            category_taxonomy=category_taxonomy,
        )

    def texts(self) -> dict[str, str]:
        """Returns both halves as canonical JSON: what the signature `data_contract` tells.

        Example:
            >>> DataContract(version=2, id_space="2024").texts()["id_space"]
            '{"id_space": "2024", "item": "item", "text": "", "user": "user", "version": 2}'
        """
        return {
            half: json.dumps({name: getattr(self, name) for name in names}, sort_keys=True)
            for half, names in _HALVES.items()
        }

    @classmethod
    def from_texts(cls, texts: Mapping[str, str]) -> DataContract | None:
        """Returns the contract that `texts` told; None if it told none (both are empty).

        Raises:
            ContractError: They were not written by this version of the rule.
        """
        halves = [texts[half] for half in _HALVES]
        if not any(halves):
            return None
        try:
            contract = cls(
                **{key: value for half in halves for key, value in json.loads(half).items()}
            )
        except (ValueError, TypeError, AttributeError) as error:
            raise ContractError(
                f"the data contract {halves} is of an older version of lifelong; {_RUN_AGAIN}"
            ) from error
        contract.check_version("the model")
        return contract

    def check_version(self, whose: str) -> None:
        """Checks that ids are made by the rule of this version.

        Args:
            whose: What has this contract, for the error.

        Raises:
            ContractError: They are made by another rule.
        """
        if self.version != VERSION:
            raise ContractError(
                f"{whose} has ids made by rule {self.version}, this version of lifelong makes them "
                f"by rule {VERSION}; {_RUN_AGAIN}"
            )

    def check_equal(self, other: DataContract, ours: str, theirs: str) -> None:
        """Checks that two parts can be used together.

        Args:
            other: Contract of the other part.
            ours: What has this contract, for the error.
            theirs: What has the other.

        Raises:
            ContractError: A field differs; the message names it.
        """
        for field in dataclasses.fields(self):
            here, there = getattr(self, field.name), getattr(other, field.name)
            if here != there:
                raise ContractError(
                    f"{ours} has the data contract {field.name} {here!r}, {theirs} {there!r}: "
                    f"they are not of the same data; {_RUN_AGAIN}"
                )

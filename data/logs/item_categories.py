"""Categories of items by the item table, for logs that do not repeat them."""

from __future__ import annotations

import numpy as np

from lifelong.data import columns as cols
from lifelong.data.ids import MISSING_ID
from lifelong.data.logs import reading
from lifelong.data.logs.config import LogConfig
from lifelong.data.logs.fields import item_fields, no_rows


class ItemCategories:
    """The category of each item that has one: 16 bytes an item.

    Args:
        items: int64 `[n]`, ascending, each once.
        categories: int64 `[n]`.
    """

    def __init__(self, items: np.ndarray, categories: np.ndarray) -> None:
        self._items = items
        self._categories = categories

    @classmethod
    def read(cls, table: LogConfig) -> ItemCategories:
        """Reads an item table; rows that cannot be used are left out.

        Of an item with several categories, the smallest is taken.

        Args:
            table: The table, whose `columns.category` is set.

        Raises:
            ValueError: The table cannot be read.
        """
        fields = item_fields(table, ())
        blocks = [batch.block for batch in reading.read_all(table, fields, "items")]
        block, _ = cols.sort_and_dedupe(cols.concat([no_rows(fields), *blocks]), ("item",))
        block = cols.take(block, block["category"] != MISSING_ID)
        block = cols.take(block, cols.run_starts(block["item"]))
        return cls(block["item"], block["category"])

    def of(self, items: np.ndarray) -> np.ndarray:
        """Returns the categories of items, `MISSING_ID` where there is none: int64 `[n]`."""
        if not len(self._items):
            return np.full(len(items), MISSING_ID)
        place = np.minimum(np.searchsorted(self._items, items), len(self._items) - 1)
        return np.where(self._items[place] == items, self._categories[place], MISSING_ID)

    def count_others(self, block: cols.Columns) -> int:
        """Returns how many rows have another category than their item has here."""
        known = self.of(block["item"])
        return int(((known != MISSING_ID) & (known != block["category"])).sum())

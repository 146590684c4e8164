"""The artifact types of the pipeline.

Kubeflow and Vertex name an artifact's type by the module and the class that a task imports, and allow one
dot in the name. So these are not a part of the package `lifelong`.
"""

from __future__ import annotations

from tfx import types


class Quarantine(types.Artifact):
    """Rows of the logs that could not be used (`bad_rows*.jsonl`), `counts.json`, `warnings.json`."""

    TYPE_NAME = "lifelong_artifacts.Quarantine"


class ItemTable(types.Artifact):
    """One row an item in `items.parquet`, sorted by id.

    Columns: `item` (int64), `category` (int64, if the table has one), and each item feature under its
    key: int64 ids, float32 numbers, fixed-size lists of float32. Custom properties: `items`, `rows`
    and `bad_rows` of the table that was read.
    """

    TYPE_NAME = "lifelong_artifacts.ItemTable"


class DayStatistics(types.Artifact):
    """Counts of all users' events by item, category and day (`lifelong.data.day_statistics`).

    Beside the counts lies `counts.json`. Custom properties: `events`, `users`, `items`, `categories`.
    """

    TYPE_NAME = "lifelong_artifacts.DayStatistics"


class Vocabularies(types.Artifact):
    """A file of ids and counts per vocabulary, and the statistics of numeric features.

    See `lifelong.models.vocabulary_files`. Custom properties: the number of known ids by vocabulary.
    """

    TYPE_NAME = "lifelong_artifacts.Vocabularies"


class BehaviorTree(types.Artifact):
    """A behaviour store (LMDB) in the folder `store`, and `counts.json`.

    Custom properties: `format_version`, `users`, `events`, `bytes`, `bytes_per_event`,
    `statistics_time` (start of the day that its counts of all users' events are as of, Unix
    seconds), `id_space`, `category_taxonomy` (of the data contract) and `source`, the fingerprint
    of the log and of how it was read.
    """

    TYPE_NAME = "lifelong_artifacts.BehaviorTree"


class PushedBehaviorStore(types.Artifact):
    """Where a store was pushed.

    Custom properties: `pushed_destination`, the folder or URI of the new version or the address of
    the Redis server, without user and password; `pushed_version`, its number.
    """

    TYPE_NAME = "lifelong_artifacts.PushedBehaviorStore"


class ReportPage(types.Artifact):
    """The page about a run, `report.html`.

    Custom property: `not_shown`, the parts that could not be made and why, a line each; empty if there
    are none.
    """

    TYPE_NAME = "lifelong_artifacts.ReportPage"

"""The artifact of a built behaviour store."""

from __future__ import annotations

from tfx import types

# Folder of the store in the artifact; beside it lies `counts.json`.
STORE_FOLDER = "store"


class BehaviorTree(types.Artifact):
    """A behaviour store (LMDB) in the folder `store`, and `counts.json`.

    Custom properties: `format_version`, `users`, `events`, `bytes`, `bytes_per_event`,
    `statistics_time` (start of the day that its counts of all users' events are as of, Unix
    seconds), `id_space`, `category_taxonomy` (of the data contract) and `source`, the fingerprint
    of the log and of how it was read.
    """

    TYPE_NAME = "BehaviorTree"


def store_uri(tree: types.Artifact) -> str:
    """Returns the path or URI of the store of a `BehaviorTree`."""
    return f"{tree.uri}/{STORE_FOLDER}"

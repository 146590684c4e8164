"""The User Behaviour Tree: a store of user -> category -> events that SIM's hard search reads."""

from lifelong.data.events import Cut
from lifelong.serving.behavior_store.errors import (
    StoreCorruptedError,
    StoreError,
    StoreFormatError,
    StoreFullError,
    StoreLockedError,
    StoreUnavailableError,
)
from lifelong.serving.behavior_store.manifest import Manifest
from lifelong.serving.behavior_store.store import Appended, BehaviorStore, StoreSize
from lifelong.serving.behavior_store.tree_edit import Retention
from lifelong.serving.behavior_store.user_tree import CategoryEvents, UserTree, Window
from lifelong.serving.behavior_store.versions import open_store

__all__ = [
    "Appended",
    "BehaviorStore",
    "CategoryEvents",
    "Cut",
    "Manifest",
    "Retention",
    "StoreCorruptedError",
    "StoreError",
    "StoreFormatError",
    "StoreFullError",
    "StoreLockedError",
    "StoreSize",
    "StoreUnavailableError",
    "UserTree",
    "Window",
    "open_store",
]

"""Embedded model server, clients, behaviour store and the online path.

What backends need is here by name, and loaded when it is asked for: none of it needs TensorFlow.

Example:
    >>> from lifelong.serving import PredictionClient, Ranker, RankRequest, open_store
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lifelong.serving.async_client import AsyncPredictionClient
    from lifelong.serving.behavior_store import open_store
    from lifelong.serving.client import PredictionClient
    from lifelong.serving.credentials import ClientSecurity
    from lifelong.serving.prediction import PredictionError
    from lifelong.serving.ranker import AsyncRanker, Explainer, Ranker, RankRequest
    from lifelong.serving.request import build_request

_MODULES = {
    "AsyncPredictionClient": "async_client",
    "AsyncRanker": "ranker",
    "ClientSecurity": "credentials",
    "Explainer": "ranker",
    "PredictionClient": "client",
    "PredictionError": "prediction",
    "RankRequest": "ranker",
    "Ranker": "ranker",
    "build_request": "request",
    "open_store": "behavior_store",
}

__all__ = [
    "AsyncPredictionClient",
    "AsyncRanker",
    "ClientSecurity",
    "Explainer",
    "PredictionClient",
    "PredictionError",
    "RankRequest",
    "Ranker",
    "build_request",
    "open_store",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)

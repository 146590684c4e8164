"""The online path: reads a user's behaviour, asks the model, returns ranked items."""

from lifelong.serving.ranker.async_ranker import AsyncRanker
from lifelong.serving.ranker.explainer import Explainer
from lifelong.serving.ranker.ranker import Ranker
from lifelong.serving.ranker.requests import RankedRequest, RankRequest, Timings

__all__ = ["AsyncRanker", "Explainer", "RankRequest", "RankedRequest", "Ranker", "Timings"]

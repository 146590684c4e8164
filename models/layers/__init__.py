"""Keras layers for long behaviour histories: search, attention, time gaps."""

from lifelong.models.layers.exact_search_unit import ExactSearchUnit
from lifelong.models.layers.gather import gather_events
from lifelong.models.layers.hamming_search import HammingSearch, SearchedEvents
from lifelong.models.layers.masks import length_mask, masked_softmax
from lifelong.models.layers.sim_hash import SimHash
from lifelong.models.layers.target_attention import TargetAttention
from lifelong.models.layers.time_gap_embedding import TimeGapEmbedding

__all__ = [
    "ExactSearchUnit",
    "HammingSearch",
    "SearchedEvents",
    "SimHash",
    "TargetAttention",
    "TimeGapEmbedding",
    "gather_events",
    "length_mask",
    "masked_softmax",
]

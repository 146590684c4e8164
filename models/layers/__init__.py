"""Keras layers for long behaviour histories: search, attention, time gaps."""

from lifelong.models.layers.augru import AUGRU
from lifelong.models.layers.exact_search_unit import ExactSearchUnit
from lifelong.models.layers.gather import gather_events
from lifelong.models.layers.hamming_search import HammingSearch
from lifelong.models.layers.hard_search import HardSearch
from lifelong.models.layers.hash_bucket_attention import HashBucketAttention
from lifelong.models.layers.inner_product_search import InnerProductSearch
from lifelong.models.layers.interest_extractor import InterestExtractor
from lifelong.models.layers.masks import length_mask, masked_softmax
from lifelong.models.layers.match_evidence import MatchEvidence
from lifelong.models.layers.neighbor_search import NeighborSearch
from lifelong.models.layers.norm_augmented_sim_hash import NormAugmentedSimHash
from lifelong.models.layers.searched_events import SearchedEvents
from lifelong.models.layers.sim_hash import SimHash
from lifelong.models.layers.target_attention import TargetAttention
from lifelong.models.layers.time_gap_embedding import TimeGapEmbedding

__all__ = [
    "AUGRU",
    "ExactSearchUnit",
    "HammingSearch",
    "HardSearch",
    "HashBucketAttention",
    "InnerProductSearch",
    "InterestExtractor",
    "MatchEvidence",
    "NeighborSearch",
    "NormAugmentedSimHash",
    "SearchedEvents",
    "SimHash",
    "TargetAttention",
    "TimeGapEmbedding",
    "gather_events",
    "length_mask",
    "masked_softmax",
]

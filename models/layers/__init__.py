"""Keras layers for long behaviour histories, usable alone, in any model.

B requests in a batch, N candidates of a request, L events of a history, newest first, K events
found for a candidate, D the size of an embedding, M signature bits in W words of 64. Masks are True
for events; without one, all places of a history are events.

The tensors of a call are given by position or name, or all of them as one tuple.

Search, one `SearchedEvents` for every candidate:

- `HardSearch`: candidates' categories `[B, N]` and events' `[B, L]` to the K latest that are equal.
- `InnerProductSearch`: embeddings `[B, N, D]`, `[B, L, D]` to the K largest inner products.
- `HammingSearch`: signatures `[B, N, W]`, `[B, L, W]` to the K in which fewest bits differ.
- `NeighborSearch`: candidates' neighbours `[B, N, M]` and events' items `[B, L]` to K matches.
- `SearchedEvents`: what a search returns: position, mask and relevance, `[B, N, K]` each.

Hash, without gradients:

- `SimHash`: vectors `[..., D]` to signatures `[..., W]` whose equal bits tell the angle.
- `NormAugmentedSimHash`: the same for inner products; events and candidates are hashed differently.

Attend:

- `ExactSearchUnit`: candidates `[B, N, D]` and found events `[B, N, K, Dz]` to `[B, N, H Dz]`.
- `TargetAttention`: candidates `[B, N, D]` and few events `[B, S, D]` to `[B, N, D]` (DIN).
- `HashBucketAttention`: candidates and all events `[B, L, D]` to `[B, N, D]`, without a search.
- `InterestMemory`: all events `[B, L, D]`, oldest first, and candidates to `[B, N, 2 U]` (MIMN).
- `InterestExtractor`: events `[B, S, D]`, oldest first, to interest states `[B, S, U]` (DIEN).
- `AUGRU`: interest states and attention to them `[B, N, S]` to a final state `[B, N, U]` (DIEN).

Time and evidence:

- `TimeGapEmbedding`: seconds `[...]` to embeddings `[..., D]` on a logarithmic scale.
- `HistoryEvidence`: candidates `[B, N]` and all events `[B, L]` to counts, times and rates.

Helpers:

- `pad_history`: ragged histories as logs have them to dense `[B, L]`, newest first, and the mask.
- `length_mask`: numbers of events `[B]` to the mask `[B, L]`.
- `gather_events`: events `[B, L, ...]` and positions to the events found, `[B, N, K, ...]`.
"""

from lifelong.models.layers.augru import AUGRU
from lifelong.models.layers.exact_search_unit import ExactSearchUnit
from lifelong.models.layers.gather import gather_events
from lifelong.models.layers.hamming_search import HammingSearch
from lifelong.models.layers.hard_search import HardSearch
from lifelong.models.layers.hash_bucket_attention import HashBucketAttention
from lifelong.models.layers.history_evidence import HistoryEvidence
from lifelong.models.layers.inner_product_search import InnerProductSearch
from lifelong.models.layers.interest_extractor import InterestExtractor
from lifelong.models.layers.interest_memory import InterestMemory
from lifelong.models.layers.masks import length_mask
from lifelong.models.layers.neighbor_search import NeighborSearch
from lifelong.models.layers.norm_augmented_sim_hash import NormAugmentedSimHash
from lifelong.models.layers.padding import pad_history
from lifelong.models.layers.searched_events import SearchedEvents
from lifelong.models.layers.sim_hash import SimHash
from lifelong.models.layers.target_attention import TargetAttention
from lifelong.models.layers.time_gap_embedding import TimeGapEmbedding

# In the order of the docstring.
__all__ = [  # noqa: RUF022
    "HardSearch",
    "InnerProductSearch",
    "HammingSearch",
    "NeighborSearch",
    "SearchedEvents",
    "SimHash",
    "NormAugmentedSimHash",
    "ExactSearchUnit",
    "TargetAttention",
    "HashBucketAttention",
    "InterestMemory",
    "InterestExtractor",
    "AUGRU",
    "TimeGapEmbedding",
    "HistoryEvidence",
    "pad_history",
    "length_mask",
    "gather_events",
]

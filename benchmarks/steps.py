"""Models whose training steps are timed, and what a step of `eta` cannot do without."""

from __future__ import annotations

import dataclasses
import math

from lifelong.models.config import ModelSpec, TrainingConfig
from lifelong.models.ctr_model import CTRModel
from lifelong.models.optimizers import make_optimizer
from lifelong.models.trained import build

_FLOAT_BYTES = 4
_DISTANCE_BYTES = 2


def fresh_model(spec: ModelSpec) -> CTRModel:
    """Makes a model of random weights that can be trained: no time depends on the weights."""
    model = CTRModel(spec)
    build(model)
    training = TrainingConfig()
    model.compile(optimizer=make_optimizer(training.optimizer, training.learning_rate))
    return model


@dataclasses.dataclass(frozen=True)
class StepWork:
    """The least work of a training step.

    Attributes:
        multiply_adds: Of matrix products. What has a gradient counts three times: forward, for its
            inputs and for its weights.
        bytes: Moved to write and to read once the tensors that do not fit into caches: embedded and
            projected histories, distances, searched events and the first layer of the target
            attention. What has a gradient counts twice: forward and backward.
    """

    multiply_adds: int
    bytes: int


def eta_step_work(model: CTRModel, histories: int, impressions: int) -> StepWork:
    """Counts the work of a step. Look-ups, the optimizer and all that is small are not counted.

    Args:
        model: An `eta` model whose short part is read by multi-head attention.
        histories: Copies of histories in a step: one per request, or one per impression.
        impressions: Candidates of all requests.
    """
    config = model.spec.model
    query = config.item_dim + config.category_dim
    event = query + config.time_gap_dim
    summed = event if config.head_reads_items else event - config.item_dim
    keys = config.heads * config.head_dim
    # The projection, and the packing of its signs into 16-bit chunks.
    signature = config.signature_bits * (
        config.item_dim + 4 * math.ceil(config.signature_bits / 64)
    )
    short_events = histories * config.short_length * event * keys
    short_attention = query * keys + config.short_length * (keys + config.heads * summed)
    searched = config.searched_events * (event + summed)
    exact_search = config.heads * (event * query + searched)
    head = sum(math.prod(weight.shape) for weight in model.head.weights if len(weight.shape) == 2)
    hashed = histories * config.long_length
    of_history = config.item_dim + config.signature_bits
    of_impression = config.searched_events * event + config.short_length * config.heads
    moved = (
        _FLOAT_BYTES * (hashed * of_history + 2 * impressions * of_impression)
        + _DISTANCE_BYTES * impressions * config.long_length
    )
    return StepWork(
        multiply_adds=(hashed + impressions) * signature
        + 3 * short_events
        + 3 * impressions * (short_attention + exact_search + head),
        bytes=2 * moved,
    )

"""A trained `eta` model whose items are hashed again, to other bits, for another number of events."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

from lifelong.experiments.data import ExperimentData
from lifelong.experiments.network_scores import measure_network
from lifelong.experiments.network_trial import forget_earlier_models
from lifelong.experiments.trial import Measured, Trial
from lifelong.models.ctr_model import CTRModel
from lifelong.models.long_term import EtaLongTerm
from lifelong.models.trained import build, load_trained


@dataclasses.dataclass(frozen=True)
class RehashTrial(Trial):
    """Measures a trained model with other signatures, without training.

    Attributes:
        trained: Folder that `save_trained` wrote.
        content: What `content_hash` says of that folder.
        bits: Signature bits M.
        events: Searched events K.
        seed: Seed with which the model was trained.
    """

    trained: Path
    content: str
    bits: int
    events: int
    seed: int

    @property
    def name(self) -> str:
        """The point, as progress lines name it."""
        return f"M={self.bits},K={self.events}"

    def settings(self) -> dict[str, Any]:
        """Returns the trained model's content and the point."""
        return {
            "content": self.content,
            "model": {"signature_bits": self.bits, "searched_events": self.events},
        }

    def run(self, data: ExperimentData, folder: Path) -> Measured:
        """Hashes again and measures."""
        forget_earlier_models()
        model = rehash(load_trained(str(self.trained), data.item_table), self.bits, self.events)
        return measure_network(model, data, folder)


def rehash(trained: CTRModel, bits: int, events: int) -> CTRModel:
    """Builds a model with other signatures and all other weights of a trained one.

    The random rotation of SimHash has a column for each bit. With as many bits as before it is kept
    too, otherwise it is drawn again, from the layer's own seed.

    Args:
        trained: A trained `eta` model, not baked.
        bits: Signature bits M.
        events: Searched events K, on which no weight depends.

    Returns:
        The model, not compiled.

    Raises:
        ValueError: If the model is not `eta`, or a weight depends on M or K otherwise.
    """
    spec = trained.spec
    if not isinstance(trained.long_term, EtaLongTerm):
        raise ValueError(f"model.long_term is {spec.model.long_term!r}; only 'eta' has signatures")
    changed = dataclasses.replace(spec.model, signature_bits=bits, searched_events=events)
    model = CTRModel(dataclasses.replace(spec, model=changed))
    build(model)
    items, trained_items = model.embeddings.item_features, trained.embeddings.item_features
    if items is not None and trained_items is not None:
        items.share_values(trained_items)
    rotation = model.long_term.simhash.rotation
    for old, new in zip(trained.weights, model.weights, strict=True):
        if old.shape == new.shape:
            new.assign(old)
        elif new is not rotation:
            raise ValueError(
                f"{new.name} has shape {tuple(new.shape)} with {bits} bits and {events} events, "
                f"{tuple(old.shape)} as trained; only the rotation may depend on them"
            )
    return model


def content_hash(trained: Path) -> str:
    """Returns a hash of the files of a trained model, wherever they lie."""
    content = hashlib.sha256()
    for path in sorted(trained.iterdir()):
        content.update(path.name.encode())
        content.update(path.read_bytes())
    return content.hexdigest()[:16]

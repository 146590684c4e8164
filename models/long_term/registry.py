"""Long-term parts by the name that the configuration gives them."""

from __future__ import annotations

from lifelong.models.choices import choose
from lifelong.models.config import LongTermName, ModelSpec
from lifelong.models.embeddings import Embeddings
from lifelong.models.long_term.base import LongTermPart
from lifelong.models.long_term.eta import EtaLongTerm
from lifelong.models.long_term.full import FullLongTerm
from lifelong.models.long_term.given_vectors import GivenVectorsLongTerm
from lifelong.models.long_term.mean import MeanLongTerm
from lifelong.models.long_term.mimn import MimnLongTerm
from lifelong.models.long_term.none import NoLongTerm
from lifelong.models.long_term.sdim import SdimLongTerm
from lifelong.models.long_term.sim_hard import SimHardLongTerm
from lifelong.models.long_term.sim_soft import SimSoftLongTerm
from lifelong.models.long_term.twin import TwinLongTerm

LONG_TERM_PARTS: dict[LongTermName, type[LongTermPart]] = {
    "none": NoLongTerm,
    "mean": MeanLongTerm,
    "full": FullLongTerm,
    "sim_hard": SimHardLongTerm,
    "sim_soft": SimSoftLongTerm,
    "eta": EtaLongTerm,
    "sdim": SdimLongTerm,
    "twin": TwinLongTerm,
    "mimn": MimnLongTerm,
}


def make_long_term(spec: ModelSpec, embeddings: Embeddings) -> LongTermPart:
    """Builds the long-term part that `spec.model.long_term` names.

    Args:
        spec: Architecture, features and vocabulary sizes.
        embeddings: The model's embedding tables.

    Returns:
        The layer.

    Raises:
        ValueError: If there is no long-term part of that name.
    """
    part = choose("model.long_term", spec.model.long_term, LONG_TERM_PARTS)
    if part is SimSoftLongTerm and spec.model.search_vectors:
        part = GivenVectorsLongTerm
    return part(spec, embeddings, name="long_term")

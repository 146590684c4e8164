"""Long-term parts by the name that the configuration gives them."""

from __future__ import annotations

from lifelong.models.config import LongTermName, ModelSpec
from lifelong.models.embeddings import Embeddings
from lifelong.models.long_term.base import LongTermPart
from lifelong.models.long_term.eta import EtaLongTerm
from lifelong.models.long_term.none import NoLongTerm

LONG_TERM_PARTS: dict[LongTermName, type[LongTermPart]] = {
    "none": NoLongTerm,
    "eta": EtaLongTerm,
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
    try:
        part = LONG_TERM_PARTS[spec.model.long_term]
    except KeyError:
        raise ValueError(
            f"model.long_term is {spec.model.long_term!r}; "
            f"expected one of {', '.join(LONG_TERM_PARTS)}"
        ) from None
    return part(spec, embeddings, name="long_term")

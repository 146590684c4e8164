"""Short-term parts by the name that the configuration gives them."""

from __future__ import annotations

from lifelong.models.choices import choose
from lifelong.models.config import ModelSpec, ShortTermName
from lifelong.models.embeddings import Embeddings
from lifelong.models.short_term.base import ShortTermPart
from lifelong.models.short_term.dien import DienShortTerm
from lifelong.models.short_term.multi_head import MultiHeadShortTerm
from lifelong.models.short_term.target_attention import TargetAttentionShortTerm

SHORT_TERM_PARTS: dict[ShortTermName, type[ShortTermPart]] = {
    "multi_head": MultiHeadShortTerm,
    "target_attention": TargetAttentionShortTerm,
    "dien": DienShortTerm,
}


def make_short_term(spec: ModelSpec, embeddings: Embeddings) -> ShortTermPart:
    """Builds the short-term part that `spec.model.short_term` names.

    Args:
        spec: Architecture, features and vocabulary sizes.
        embeddings: The model's embedding tables.

    Returns:
        The layer.

    Raises:
        ValueError: If there is no short-term part of that name.
    """
    part = choose("model.short_term", spec.model.short_term, SHORT_TERM_PARTS)
    return part(spec, embeddings, name="short_term")

"""The short-term part of the model: how the most recent events of a request are read."""

from lifelong.models.short_term.base import ShortTermPart
from lifelong.models.short_term.dien import DienShortTerm
from lifelong.models.short_term.multi_head import MultiHeadShortTerm
from lifelong.models.short_term.registry import SHORT_TERM_PARTS, make_short_term
from lifelong.models.short_term.target_attention import TargetAttentionShortTerm

__all__ = [
    "SHORT_TERM_PARTS",
    "DienShortTerm",
    "MultiHeadShortTerm",
    "ShortTermPart",
    "TargetAttentionShortTerm",
    "make_short_term",
]

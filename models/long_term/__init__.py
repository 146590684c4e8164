"""The long-term part of the model: the one thing that varies between SIM, ETA and baselines."""

from lifelong.models.long_term.base import LongTermPart, SearchedHistory
from lifelong.models.long_term.eta import EtaLongTerm
from lifelong.models.long_term.none import NoLongTerm
from lifelong.models.long_term.registry import LONG_TERM_PARTS, make_long_term

__all__ = [
    "LONG_TERM_PARTS",
    "EtaLongTerm",
    "LongTermPart",
    "NoLongTerm",
    "SearchedHistory",
    "make_long_term",
]

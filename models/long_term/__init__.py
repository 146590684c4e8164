"""The long-term part of the model: the one thing that varies between SIM, ETA and baselines."""

from lifelong.models.long_term.base import AttendedHistory, LongTermPart, SearchedHistory
from lifelong.models.long_term.eta import EtaLongTerm
from lifelong.models.long_term.full import FullLongTerm
from lifelong.models.long_term.mean import MeanLongTerm
from lifelong.models.long_term.mimn import MimnLongTerm
from lifelong.models.long_term.none import NoLongTerm
from lifelong.models.long_term.registry import LONG_TERM_PARTS, make_long_term
from lifelong.models.long_term.sdim import SdimLongTerm
from lifelong.models.long_term.search_training import TrainedSearch
from lifelong.models.long_term.sim_hard import SimHardLongTerm
from lifelong.models.long_term.sim_soft import SimSoftLongTerm
from lifelong.models.long_term.twin import TwinLongTerm

__all__ = [
    "LONG_TERM_PARTS",
    "AttendedHistory",
    "EtaLongTerm",
    "FullLongTerm",
    "LongTermPart",
    "MeanLongTerm",
    "MimnLongTerm",
    "NoLongTerm",
    "SdimLongTerm",
    "SearchedHistory",
    "SimHardLongTerm",
    "SimSoftLongTerm",
    "TrainedSearch",
    "TwinLongTerm",
    "make_long_term",
]

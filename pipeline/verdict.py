"""Whether a run gave a model to serve, and if not, why."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from lifelong.components.evaluation.report import Report
from lifelong.components.pusher.executor import PUSHED, PUSHED_VERSION, RUNNING_VERSION
from lifelong.pipeline.config import GateConfig

if TYPE_CHECKING:
    from lifelong.pipeline.local_runner import RunOutcome

NOTHING_PUSHED = 3
_SETTING = re.compile(r"serving\.\w+")


class Verdict(NamedTuple):
    """The end of a run.

    Attributes:
        status: The exit status: 0, or `NOTHING_PUSHED`.
        text: What became of the model; if it was not pushed, why, and what to do.
    """

    status: int
    text: str


def judge_run(gate: GateConfig, outcome: RunOutcome) -> Verdict:
    """Returns whether a run gave a model to serve, and if not, why and what to do.

    Args:
        gate: What was asked of the model.
        outcome: What came of the run.
    """
    record, report, refusal = outcome
    if not refusal:
        pushed = record.properties["Pusher", "pushed_model"]
        if "Pusher" not in record.cached and pushed[PUSHED]:
            return Verdict(0, f"pushed: version {pushed[PUSHED_VERSION]}")
        # A change that is too small is no fault of a model that is compared with itself.
        in_use = pushed.get(RUNNING_VERSION, pushed.get(PUSHED_VERSION))
        if in_use and report.rows[0].auc >= gate.auc_min:
            return Verdict(0, f"nothing is new: this model is version {in_use}, in use")
    lines = ["no model was pushed:"]
    if report.blessed is False:
        lines += [f"- the Evaluator did not bless it: {'; '.join(report.failures)}"]
        lines += [f"  next: give it more data or training, or lower {_thresholds(gate, report)}"]
    if refusal:
        setting = _SETTING.search(refusal)
        change = f" or change {setting[0]}" if setting else ""
        lines += [f"- ServingValidator refused it: {refusal}"]
        lines += [f"  next: mend the model{change}"]
    return Verdict(NOTHING_PUSHED, "\n".join(lines))


def _thresholds(gate: GateConfig, report: Report) -> str:
    """Returns the names of the thresholds that were missed."""
    auc = report.rows[0].auc
    missed = [] if auc >= gate.auc_min else [f"gate.auc_min ({gate.auc_min:g})"]
    if report.baseline and not auc - report.baseline[0].auc >= gate.auc_change_min:
        missed.append(f"gate.auc_change_min ({gate.auc_change_min:g})")
    return " and ".join(missed)

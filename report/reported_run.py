"""The run that a page is about."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import tensorflow as tf

from lifelong.components.evaluation.report import read_report
from lifelong.components.serving_validator.executor import FINDINGS_FILE, findings_of
from lifelong.pipeline.config import Config, Workdir
from lifelong.pipeline.local_runner import RunOutcome
from lifelong.pipeline.run_record import read_last_run
from lifelong.pipeline.verdict import Verdict, judge_run

BAKED_MODEL = ("SignatureBaker", "baked_model")
SERVING_BLESSING = ("ServingValidator", "blessing")


@dataclasses.dataclass(frozen=True)
class ReportedRun:
    """A run, wherever it ran: all that it made is found by the names of components and outputs.

    Attributes:
        config: What it was configured with.
        outcome: Artifacts by component and output key (`outcome.record.outputs`, paths or URIs),
            evaluation, and why the model must not be pushed.
        verdict: What became of the model.
        findings_folder: Path or URI of what was found of models that may not be pushed.
        kept: Folder of this machine for what need not be measured again.
    """

    config: Config
    outcome: RunOutcome
    verdict: Verdict
    findings_folder: str
    kept: Path

    @classmethod
    def of(cls, config: Config, workdir: Workdir, outcome: RunOutcome) -> ReportedRun:
        """Returns a run of a working folder.

        Args:
            config: Its configuration.
            workdir: Where things lie.
            outcome: What came of it.
        """
        return cls(
            config,
            outcome,
            judge_run(config.gate, outcome),
            workdir.places(config).findings_folder,
            workdir.reports,
        )

    @classmethod
    def read_last(cls, config: Config, workdir: Workdir) -> ReportedRun:
        """Reads the newest run of a working folder that came as far as its evaluation.

        Raises:
            FileNotFoundError: If there is none, or what it made was deleted.
        """
        record = read_last_run(workdir.metadata, having="Evaluator")
        evaluation = record.outputs["Evaluator", "evaluation"]
        try:
            report = read_report(evaluation)
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f"the evaluation of the last run was deleted ({evaluation} holds none); `lifelong run` "
                "makes it anew"
            ) from error
        refusal = ""
        if SERVING_BLESSING not in record.outputs:
            place = findings_of(workdir.places(config).findings_folder, record.outputs[BAKED_MODEL])
            refusal = str(
                _read_findings(place).get("reason") or "it was not validated; run.log says why"
            )
        return cls.of(config, workdir, RunOutcome(record, report, refusal))

    def uri(self, component: str, key: str) -> str:
        """Returns where an output lies.

        Args:
            component: Name of the component.
            key: Key of its output.

        Raises:
            KeyError: If the run has no such output.
        """
        return self.outcome.record.outputs[component, key]

    def records(self, split: str) -> list[str]:
        """Returns the file patterns of a split's raw records."""
        return [f"{self.uri('BehaviorExampleGen', 'examples')}/Split-{split}/*"]

    def shown_in_serving(self) -> dict[str, object]:
        """Returns what ServingValidator found of the model, whether it let it through or not."""
        noted = self.outcome.record.properties.get(SERVING_BLESSING)
        if noted is not None and not self.outcome.refusal:
            return dict(noted)
        return _read_findings(findings_of(self.findings_folder, self.uri(*BAKED_MODEL)))


def _read_findings(folder: str) -> dict[str, object]:
    path = f"{folder}/{FINDINGS_FILE}"
    if not tf.io.gfile.exists(path):
        return {}
    with tf.io.gfile.GFile(path) as file:
        return json.loads(file.read())

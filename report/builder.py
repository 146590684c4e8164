"""Makes the page about a run, section by section, and writes it."""

from __future__ import annotations

import datetime
import functools
import gc
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import tensorflow as tf
from tfx.utils import path_utils

from lifelong.data.keys import RECORDS_SIGNATURE
from lifelong.data.whole_file import write_atomically
from lifelong.models.ctr_model import CTRModel
from lifelong.models.scores import CandidateScores, score_files
from lifelong.models.trained import TRAINED_FOLDER, load_trained
from lifelong.pipeline.run_record import RunRecord
from lifelong.report.calibration_section import calibration_section
from lifelong.report.data_section import data_section
from lifelong.report.lineage_section import lineage_section, without_secrets
from lifelong.report.metrics_section import RUNNING, metrics_section
from lifelong.report.page import Disclosure, Notice, Page, Section, number, render
from lifelong.report.reported_run import BAKED_MODEL, ReportedRun
from lifelong.report.search_section import search_section
from lifelong.report.serving_section import serving_section
from lifelong.report.signatures_section import signatures_section
from lifelong.report.training_section import training_section

# Requests of the eval split that are scored for the calibration, at most.
_MOST_SCORED = 10_000
# Pages about earlier runs that are kept.
_KEPT = 20


class Report(NamedTuple):
    """A page, and what could not be shown on it.

    Attributes:
        page: The page.
        failures: What failed, one sentence each; the page says so, too.
    """

    page: Page
    failures: list[str]


def make_report(run: ReportedRun) -> Report:
    """Makes the page about a run.

    A section that fails is left out of the page, which tells why: it must hide neither the others nor
    what came of the run.

    Args:
        run: The run. Of its artifacts these are read, wherever they lie: BehaviorExampleGen's
            `examples` and `quarantine`, VocabularyBuilder's `vocabularies`, Trainer's `model` and
            `model_run`, SignatureBaker's `baked_model`; for the trees also Transform's outputs,
            DayStatisticsBuilder's `day_statistics` and, if there is one, the item table.
    """
    failures: list[str] = []
    loaded = _Models(run)
    makers: dict[tuple[str, str], Callable[[], Section | None]] = {
        ("metrics", "Metrics on the eval split"): lambda: metrics_section(run),
        ("calibration", "Calibration"): lambda: calibration_section(run, loaded.scores()),
        ("training", "Training"): lambda: training_section(run),
        ("search", "What the search finds"): lambda: search_section(
            run, loaded.served, loaded.trained
        ),
        ("signatures", "Signatures"): lambda: signatures_section(loaded.trained),
        ("data", "Data"): lambda: data_section(run),
        ("serving", "Serving"): lambda: serving_section(run),
        ("lineage", "Lineage"): lambda: lineage_section(run),
    }
    sections = []
    for (name, title), make in makers.items():
        try:
            section = make()
        except (
            Exception
        ) as error:  # whatever artifacts of other versions, or a full disk, may raise
            told = f"{title}: {type(error).__name__}: {error}"
            failures.append(told)
            section = Section(
                name,
                title,
                [
                    Notice(f"This part could not be made: {type(error).__name__}: {error}"),
                    Disclosure("Where it failed", traceback.format_exc()),
                ],
            )
        if section is not None:
            sections.append(section)
    return Report(_page(run, sections), failures)


def write_report(run: ReportedRun, path: Path) -> list[str]:
    """Writes the page about a run, and keeps it among those of earlier runs.

    Args:
        run: The run.
        path: File to write.

    Returns:
        What could not be shown, one sentence each.

    Raises:
        OSError: If the file cannot be written.
    """
    report = make_report(run)
    # Models lie in circles of references; TensorFlow complains if they are freed when the process ends.
    gc.collect()
    html = render(report.page)
    write_atomically(path, html)
    run.kept.mkdir(parents=True, exist_ok=True)
    write_atomically(run.kept / f"{_time(run, '%Y-%m-%dT%H-%M-%S')}.html", html)
    for old in sorted(run.kept.glob("*.html"))[:-_KEPT]:
        old.unlink()
    return report.failures


class _Models:
    """The models of a run, loaded when they are first asked for."""

    def __init__(self, run: ReportedRun) -> None:
        self._run = run

    @functools.cached_property
    def served(self) -> Any:
        return tf.saved_model.load(path_utils.serving_model_path(self._run.uri(*BAKED_MODEL)))

    @functools.cached_property
    def trained(self) -> CTRModel:
        outputs = self._run.outcome.record.outputs
        item_table = outputs.get(("ItemTableBuilder", "item_table"), "")
        return load_trained(f"{self._run.uri('Trainer', 'model')}/{TRAINED_FOLDER}", item_table)

    def scores(self) -> CandidateScores:
        signature = self.served.signatures[RECORDS_SIGNATURE]
        return score_files(signature, self._run.records("eval"), _MOST_SCORED)


def _page(run: ReportedRun, sections: list[Section]) -> Page:
    config, record = run.config, run.outcome.record
    return Page(
        title=f"{config.name}: {config.model.long_term} on {_logs(run)}",
        subtitle=f"Run of {_time(run, '%Y-%m-%d %H:%M')} UTC{_executed(record)}",
        good=not run.verdict.status,
        verdict=without_secrets(run.verdict.text),
        tiles=list(_tiles(run)),
        sections=sections,
    )


def _executed(record: RunRecord) -> str:
    """Returns what is known of the components; a task on a cluster knows nothing of others."""
    if not record.seconds:
        return ""
    return (
        f", {_minutes(record.duration)}; {len(record.executed)} components executed, "
        f"{len(record.cached)} unchanged"
    )


def _tiles(run: ReportedRun) -> Iterator[tuple[str, str, str]]:
    report, shown = run.outcome.report, run.shown_in_serving()
    overall = report.rows[0]
    beside = ""
    if report.baseline:
        beside = f"{overall.auc - report.baseline[0].auc:+.4f} to the {RUNNING}"
    gate = f"gate: at least {run.config.gate.auc_min:g}"
    yield "AUC", number(overall.auc), f"{beside}; {gate}" if beside else gate
    yield "GAUC", number(overall.gauc), f"{overall.users:,} users"
    yield "Log loss", number(overall.log_loss), f"calibration {number(overall.calibration)}"
    p99 = shown.get("latency_p99_ms")
    if isinstance(p99, (int, float)):
        candidates = run.config.serving.latency_candidates
        yield "Predict, p99", f"{p99:.1f} ms", f"{candidates} candidates"
    yield "Eval requests", f"{overall.requests:,}", f"{overall.candidates:,} candidates"


def _logs(run: ReportedRun) -> str:
    patterns = run.config.data.behaviors.patterns
    return ", ".join(Path(pattern).name for pattern in patterns)


def _time(run: ReportedRun, form: str) -> str:
    at = datetime.datetime.fromtimestamp(run.outcome.record.started, datetime.timezone.utc)
    return at.strftime(form)


def _minutes(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"

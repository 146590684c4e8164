"""How the model serves: latency, warm-up, differences of scores, size."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from lifelong.report.page import Block, Facts, Notice, Paragraph, Section
from lifelong.report.reported_run import BAKED_MODEL, ReportedRun

# ML Metadata keeps six decimals of a number: 0 stands for whatever rounds to it.
_SMALLEST_NOTED = 5e-7


def serving_section(run: ReportedRun) -> Section:
    """Returns what ServingValidator and SignatureBaker found."""
    config, shown = run.config.serving, run.shown_in_serving()
    blocks: list[Block] = []
    if run.outcome.refusal:
        blocks.append(Notice(f"The model must not be pushed: {run.outcome.refusal}"))
    blocks.append(
        Paragraph(
            "Before a push the model is served from a process of its own, which is sent requests of the "
            "eval split as a client would."
        )
    )
    rows = []
    if _has(shown, "latency_p50_ms"):
        budget = config.latency_budget_ms
        limit = f"at most {budget:g} ms are allowed" if budget else "no budget is set"
        rows += [
            (
                f"Predict, {config.latency_candidates} candidates, full history",
                f"p50 {shown['latency_p50_ms']:.1f} ms, p99 {shown['latency_p99_ms']:.1f} ms ({limit}); "
                f"{config.latency_requests} calls, one at a time, on the machine of the run",
            )
        ]
    if _has(shown, "largest_score_difference"):
        rows.append(
            (
                "Served scores and the Evaluator's",
                f"differ by at most {_difference(shown)} on {shown['requests']} requests "
                f"(allowed: {config.tolerance:g})",
            )
        )
    if _has(shown, "warmup_requests"):
        seconds = shown.get("warmup_seconds")
        took = f"; loading and warming took {seconds:.1f} s" if seconds is not None else ""
        rows.append(("Warm-up requests pushed with it", f"{shown['warmup_requests']}{took}"))
    baked = run.outcome.record.properties.get(BAKED_MODEL, {})
    rows.append(("Size of the SavedModel", _size(folder_bytes(run.uri(*BAKED_MODEL)))))
    if "baking_seconds" in baked:
        rows += [
            ("Baked tables", _size(int(baked["baked_table_bytes"]))),
            (
                "Baked scores and unbaked ones",
                f"differ by at most {_difference(baked)} on {baked['proof_requests']} requests; "
                f"exported in {baked['baking_seconds']:.1f} s",
            ),
        ]
    return Section("serving", "Serving", [*blocks, Facts(rows)])


def folder_bytes(uri: str) -> int:
    """Returns the size of all files below a path or URI."""
    return sum(
        tf.io.gfile.stat(f"{folder.rstrip('/')}/{name}").length
        for folder, _, names in tf.io.gfile.walk(uri)
        for name in names
    )


def _has(shown: dict[str, Any], name: str) -> bool:
    return shown.get(name) is not None


def _difference(noted: dict[str, Any]) -> str:
    return f"{max(noted['largest_score_difference'], _SMALLEST_NOTED):.1g}"


def _size(count: int) -> str:
    return f"{count / 1e6:.2f} MB"

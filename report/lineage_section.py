"""Where all of it comes from: components, artifacts, versions, configuration."""

from __future__ import annotations

import dataclasses
import platform
import re
import subprocess
from importlib import metadata
from pathlib import Path

import yaml

from lifelong.report.charts import horizontal_bars
from lifelong.report.page import Block, Disclosure, Facts, Figure, Section, Table
from lifelong.report.reported_run import ReportedRun

_LIBRARIES = {"lifelong": "lifelong", "TFX": "tfx", "TensorFlow": "tensorflow"}
# A page is shown to others: who may write to a store or bucket is not told in it.
_SECRETS = (
    (re.compile(r"(?<=://)[^/@\s]*@"), "***@"),
    (re.compile(r"((?:password|secret\w*|token)=)[^&\s'\"]+", re.IGNORECASE), r"\1***"),
)


def lineage_section(run: ReportedRun) -> Section:
    """Returns what a run was made of and with."""
    record = run.outcome.record
    executed = dict.fromkeys(record.executed, "executed") | dict.fromkeys(
        record.cached, "unchanged"
    )
    blocks: list[Block] = [Facts(list(versions().items()))]
    if record.seconds:
        blocks.append(
            Figure(
                "Time of each component",
                "Seconds that each took in this run; one that found nothing changed took none to speak "
                "of.",
                horizontal_bars(
                    [{"component": name, "seconds": s} for name, s in record.seconds.items()],
                    "component",
                    ("seconds", "seconds"),
                ),
            )
        )
    columns = ["component", "output", "place"]
    rows = [
        [component, key, without_secrets(uri)] for (component, key), uri in record.outputs.items()
    ]
    if executed:  # a task on a cluster does not know
        columns.insert(2, "in this run")
        for row in rows:
            row.insert(2, executed.get(row[0], ""))
    blocks.append(Table("Artifacts", columns, rows, texts=len(columns)))
    text = yaml.safe_dump(dataclasses.asdict(run.config), sort_keys=False, allow_unicode=True)
    blocks.append(Disclosure("The whole configuration", without_secrets(text)))
    return Section("lineage", "Lineage", blocks)


def versions() -> dict[str, str]:
    """Returns what is installed here, by what it is called."""
    told = {name: metadata.version(package) for name, package in _LIBRARIES.items()}
    told["Python"] = platform.python_version()
    told["Platform"] = platform.platform()
    revision = git_revision(Path(__file__).parents[1])
    return told | ({"Git revision": revision} if revision else {})


def git_revision(folder: Path) -> str:
    """Returns the revision of the code in a folder, and whether it was changed since.

    Args:
        folder: The root of a work tree. One that lies in another's, as what is installed may, has no
            revision.

    Returns:
        The revision; empty where there is none, or no git to ask.
    """
    if not (folder / ".git").exists():
        return ""
    try:
        told = subprocess.run(
            ["git", "describe", "--always", "--abbrev=12", "--dirty=, changed"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return told.stdout.strip() if told.returncode == 0 else ""


def without_secrets(text: str) -> str:
    """Returns a text whose addresses have neither passwords nor keys."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text

"""Runs a compiled pipeline as Kubeflow Pipelines does: each task's own command in its own process.

What Kubeflow would fill in is filled in here, and a task is skipped where Kubeflow would skip it: where image,
command, parameters, names of input artifacts and kinds of outputs are those of a task that succeeded.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

Artifacts = dict[str, dict[str, Any]]
# Tasks that run at a time.
_AT_ONCE = 2


@dataclasses.dataclass
class Walked:
    """What became of the tasks of a run, by their names.

    Attributes:
        ran: Those that were started and succeeded.
        cached: Those whose earlier outputs were used.
        failed: Those that failed, with the end of what they said.
        outputs: The artifacts of those that have some, by name of the task and key.
    """

    ran: set[str] = dataclasses.field(default_factory=set)
    cached: set[str] = dataclasses.field(default_factory=set)
    failed: dict[str, str] = dataclasses.field(default_factory=dict)
    outputs: dict[str, Artifacts] = dataclasses.field(default_factory=dict)


class Walk:
    """Runs of one pipeline, which share a cache.

    Args:
        folder: Where tasks run, and where their outputs lie.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._cache: dict[str, Artifacts] = {}
        self._numbers = itertools.count(1)
        self._runs = itertools.count(1)

    def run(self, spec: Mapping[str, Any], parameters: Mapping[str, str]) -> Walked:
        """Runs all tasks, each after those that it depends on; a failure stops those that depend on it.

        Args:
            spec: The pipeline's specification.
            parameters: Its parameters, every one.
        """
        assert parameters.keys() == spec["root"]["inputDefinitions"]["parameters"].keys()
        tasks = dict(spec["root"]["dag"]["tasks"])
        root = self._folder / f"run-{next(self._runs)}"
        walked = Walked()
        running: dict[Future[Artifacts], str] = {}
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            while True:
                for name in [it for it in tasks if it not in walked.outputs]:
                    needed = tasks[name].get("dependentTasks", [])
                    if all(it in walked.outputs for it in needed):
                        task = _Task(spec, tasks.pop(name), parameters, walked.outputs, root / name)
                        key = task.cache_key()
                        if key in self._cache:
                            walked.outputs[name] = self._cache[key]
                            walked.cached.add(name)
                        else:
                            running[pool.submit(task.run)] = name
                            task.key = key
                        break
                else:
                    if not running:
                        return walked
                    for done in wait(running, return_when=FIRST_COMPLETED).done:
                        self._finish(running.pop(done), done, walked)

    def _finish(self, name: str, done: Future[Any], walked: Walked) -> None:
        task = done.result()
        if task.error:
            walked.failed[name] = task.error
            return
        for artifact in task.outputs.values():
            # As the metadata's identifiers.
            artifact["name"] = str(next(self._numbers))
        self._cache[task.key] = walked.outputs[name] = task.outputs
        walked.ran.add(name)


class _Task:
    """One task of a run: what Kubeflow would give its container, and what came of it."""

    def __init__(
        self,
        spec: Mapping[str, Any],
        task: Mapping[str, Any],
        parameters: Mapping[str, str],
        outputs: Mapping[str, Artifacts],
        folder: Path,
    ) -> None:
        component = spec["components"][task["componentRef"]["name"]]
        self._container = spec["deploymentSpec"]["executors"][component["executorLabel"]][
            "container"
        ]
        inputs = task.get("inputs", {})
        self._parameters = {
            name: (
                parameters[source["componentInputParameter"]]
                if "componentInputParameter" in source
                else source["runtimeValue"]["constant"]
            )
            for name, source in inputs.get("parameters", {}).items()
        }
        self._inputs = {
            name: outputs[source["taskOutputArtifact"]["producerTask"]][
                source["taskOutputArtifact"]["outputArtifactKey"]
            ]
            for name, source in inputs.get("artifacts", {}).items()
        }
        self._kinds = {
            name: artifact["artifactType"]
            for name, artifact in component.get("outputDefinitions", {})
            .get("artifacts", {})
            .items()
        }
        self._folder = folder
        self.is_cached = task.get("cachingOptions", {}).get("enableCache", False)
        self.key = ""
        self.outputs: Artifacts = {}
        self.error = ""

    def cache_key(self) -> str:
        """Returns what Kubeflow compares."""
        told = {
            "image": self._container["image"],
            "command": [*self._container["command"], *self._container["args"]],
            "parameters": self._parameters,
            "inputs": {name: artifact["name"] for name, artifact in self._inputs.items()},
            "outputs": self._kinds,
        }
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()

    def run(self) -> _Task:
        """Runs the container's command."""
        output_file = self._folder / "executor_output.json"
        given = {
            "inputs": {
                "parameterValues": self._parameters,
                "artifacts": {name: {"artifacts": [it]} for name, it in self._inputs.items()},
            },
            "outputs": {
                "artifacts": {
                    name: {"artifacts": [{"uri": str(self._folder / name), "type": kind}]}
                    for name, kind in self._kinds.items()
                },
                "outputFile": str(output_file),
            },
        }
        command = [*self._container["command"], *self._container["args"]]
        command = [word.replace("{{$}}", json.dumps(given)) for word in command]
        self._folder.mkdir(parents=True)
        done = subprocess.run(
            command,
            cwd=self._folder,
            env=_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            self.error = done.stderr[-4000:]
            return self
        written = json.loads(output_file.read_text())["artifacts"]
        for name, kind in self._kinds.items():
            (artifact,) = written[name]["artifacts"]
            self.outputs[name] = {**artifact, "type": kind}
        return self


def _environment() -> dict[str, str]:
    """Returns what a container has that nobody has prepared, but for its PATH."""
    inherited = {name: os.environ[name] for name in ("HOME", "LANG") if name in os.environ}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**inherited, "PATH": path, "TF_CPP_MIN_LOG_LEVEL": "3"}

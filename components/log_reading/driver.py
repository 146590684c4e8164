"""Fingerprints logs: TFX's fingerprint, and when the system last saw a change of each file."""

from __future__ import annotations

import hashlib
import os
import pathlib
from typing import Any

from tfx.components.example_gen import driver, utils
from tfx.dsl.io import fileio
from tfx.proto import example_gen_pb2
from tfx.types import standard_component_specs as specs
from tfx.utils import proto_utils


class LogDriver(driver.FileBasedDriver):
    """The driver of a file-based ExampleGen, which also notices a log that was rewritten in place.

    TFX tells files by size and modification time, in seconds; a program can set that time. On local
    disks, the time at which the system last changed a file, which no program can set, and the
    modification time in nanoseconds are taken with it. Files elsewhere, and runs with another
    driver (Kubeflow, Vertex), have TFX's fingerprint alone.
    """

    def resolve_exec_properties(
        self, exec_properties: dict[str, Any], pipeline_info: Any, component_info: Any
    ) -> dict[str, Any]:
        """Adds the fingerprint to the execution properties, which decide about the cache."""
        properties = super().resolve_exec_properties(exec_properties, pipeline_info, component_info)
        inputs = example_gen_pb2.Input()  # type: ignore[attr-defined]
        proto_utils.json_to_proto(properties[specs.INPUT_CONFIG_KEY], inputs)
        base = properties[specs.INPUT_BASE_KEY]
        if "://" not in base:
            patterns = [os.path.join(base, split.pattern) for split in inputs.splits]  # noqa: PTH118
            properties[utils.FINGERPRINT_PROPERTY_NAME] += f"\nchanges:{_changes(patterns)}"
        return properties


def _changes(patterns: list[str]) -> str:
    """Returns a hash of names, sizes and times of local files."""
    paths = {str(path) for pattern in patterns for path in fileio.glob(pattern)}
    digest = hashlib.sha256()
    for path in sorted(paths):
        status = pathlib.Path(path).stat()
        if not pathlib.Path(path).is_dir():
            told = (path, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
            digest.update(repr(told).encode())
    return digest.hexdigest()

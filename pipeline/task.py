"""Runs one task of a compiled pipeline: what the container of each starts.

`python -m lifelong.pipeline.task ARGUMENTS` is TFX's own entry point with the Keras that TFRS trains with.
"""

from __future__ import annotations

import os
import runpy

_ENTRY_POINT = "tfx.orchestration.kubeflow.v2.container.kubeflow_v2_run_executor"

if __name__ == "__main__":
    # Said before TensorFlow is imported, wherever the container's environment comes from.
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    runpy.run_module(_ENTRY_POINT, run_name="__main__", alter_sys=True)

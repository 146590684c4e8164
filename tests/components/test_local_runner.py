import ast
import os
import tempfile
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.runners.direct.direct_runner import SwitchingDirectRunner
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor

from lifelong.components.local_runner import LocalRunner, with_runner

ROOT = Path(__file__).parents[2]
TWO_PROCESSES = ["--direct_running_mode=multi_processing", "--direct_num_workers=2"]
# Or TFX packs itself.
IMAGE = "--sdk_container_image=shop/lifelong:1"


class Executor(BaseBeamExecutor):
    """Makes pipelines as all components do."""

    def Do(self, input_dict, output_dict, exec_properties):  # noqa: N802
        """Does nothing."""


def executor(beam_args):
    context = BaseBeamExecutor.Context(
        beam_pipeline_args=with_runner(beam_args), unique_id="1", tmp_dir="/tmp"
    )
    return Executor(context)


@pytest.mark.parametrize(
    ("beam_args", "runner"),
    [
        ([], LocalRunner),
        (TWO_PROCESSES, LocalRunner),
        (["--runner=DirectRunner", IMAGE], SwitchingDirectRunner),
        ([IMAGE, "--runner=direct"], SwitchingDirectRunner),
    ],
)
def test_components_run_here_or_where_the_user_says(beam_args, runner):
    assert type(executor(beam_args)._make_beam_pipeline().runner) is runner


def test_tfx_is_not_packed_for_workers_that_are_not_there(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    executor(TWO_PROCESSES)
    assert not list(tmp_path.iterdir())


def run(folder, beam_args, expressions):
    """Evaluates Python expressions, in the processes where the pipeline's functions run."""
    with beam.Pipeline(argv=with_runner(beam_args)) as pipeline:
        _ = (
            pipeline
            | beam.Create(expressions)
            | beam.Reshuffle()
            # Worker processes can import no function of a test.
            | beam.Map(eval)
            | beam.io.WriteToText(str(folder / "told"))
        )
    return {line for path in folder.glob("told-*") for line in path.read_text().splitlines()}


def test_without_options_everything_runs_in_this_process(tmp_path):
    assert run(tmp_path, [], ["__import__('os').getpid()"] * 50) == {str(os.getpid())}


def test_two_processes_run_and_are_told_the_options(tmp_path):
    expression = (
        "__import__('os').getpid(), __import__('apache_beam').options.value_provider."
        "RuntimeValueProvider.get_value('s3_endpoint_url', str, 'nothing')"
    )
    told = run(tmp_path, [*TWO_PROCESSES, "--s3_endpoint_url=http://shelf"], [expression] * 50)
    processes, urls = zip(*map(ast.literal_eval, told), strict=True)
    assert len(set(processes) - {os.getpid()}) == 2
    assert set(urls) == {"http://shelf"}


def pipelines_without_runner(path):
    """Lines that make a Beam pipeline and leave the choice of its runner to Beam."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {
            "beam.Pipeline",
            "Pipeline",
            "TestPipeline",
        }:
            told = {keyword.arg for keyword in node.keywords}
            if not node.args and not told & {"runner", "argv"}:
                yield f"{path.relative_to(ROOT)}:{node.lineno}"


@pytest.mark.parametrize("folder", ["benchmarks", "components", "examples", "experiments", "tests"])
def test_every_pipeline_names_its_runner(folder):
    paths = sorted((ROOT / folder).rglob("*.py"))
    assert paths
    assert [line for path in paths for line in pipelines_without_runner(path)] == []

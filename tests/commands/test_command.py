"""Experiments take the configuration of a file, or that of the last run."""

import dataclasses

import pytest

from lifelong.commands import command
from lifelong.commands.command import experiment
from lifelong.experiments.options import CompareOptions, StalenessOptions, SweepOptions
from lifelong.pipeline.config_parser import make_config_parser, save_config


@dataclasses.dataclass(frozen=True)
class Options:
    """Options of an experiment."""

    workdir: str = "workdir"
    config: str = ""
    weeks: int = 1


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Runs an experiment: its options, configuration and working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "check_before_run", lambda config, workdir: None)
    got = []
    made = experiment("try", Options, lambda *found: got.append(found) or 0)

    def execute(*arguments):
        parser = made.make_parser()
        assert made.run(parser, parser.parse_args(arguments), list(arguments)) == 0
        return got.pop()

    return execute


@pytest.fixture
def shop(tmp_path):
    path = tmp_path / "shop.yaml"
    path.write_text("data: {behaviors: {files: log.csv}}\nmodel: {heads: 2}\nworkdir: theirs\n")
    return path


def test_the_file_says_what_is_read_and_where_its_runs_lie(run, shop, tmp_path):
    options, config, workdir = run(f"--config={shop}", "--weeks=3")
    assert config.model.heads == 2
    assert config.data.behaviors.files == "log.csv"
    assert workdir.root == tmp_path / "theirs"
    assert (options.workdir, options.weeks) == ("theirs", 3)


def test_a_folder_that_is_named_wins(run, shop, tmp_path):
    options, config, workdir = run("--workdir=mine", "--config", str(shop))
    assert workdir.root == tmp_path / "mine"
    assert options.workdir == "mine"
    assert config.workdir == str(tmp_path / "mine")
    assert config.model.heads == 2


def test_the_file_wins_over_the_last_runs_configuration(run, shop, tmp_path):
    parser = make_config_parser()
    saved = parser.parse_args(["--model.heads=8", "--data.behaviors.files=old.csv"])
    save_config(parser, saved, tmp_path / "mine" / "config.yaml")
    assert run("--workdir=mine")[1].model.heads == 8
    assert run("--workdir=mine", f"--config={shop}")[1].model.heads == 2


def test_a_file_without_a_log_means_the_default_data(run, tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text("model: {heads: 2}\n")
    _, config, workdir = run(f"--config={path}")
    assert config.data.behaviors.files == str(workdir.data / "behaviors.parquet")
    assert config.model.heads == 2


@pytest.mark.parametrize("options", [CompareOptions, SweepOptions, StalenessOptions])
def test_every_experiment_takes_a_file(options):
    assert {"workdir", "config"} <= {field.name for field in dataclasses.fields(options)}

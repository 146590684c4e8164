import pytest

from lifelong.data.datasets import complete_journey
from lifelong.data.features import Feature
from lifelong.models.config import ExportConfig
from lifelong.pipeline.config import Config, Workdir
from lifelong.pipeline.config_parser import (
    load_config,
    load_config_or_default,
    make_config_parser,
    save_config,
    to_config,
)
from lifelong.pipeline.default_data import default_ingestion


def parse(*arguments, **options):
    parser = make_config_parser(**options)
    return to_config(parser, parser.parse_args(list(arguments)))


def test_without_arguments_every_value_has_its_default():
    assert parse() == Config()


def test_any_value_can_be_set_from_the_command_line():
    config = parse(
        "--model.long_term=none",
        "--model.hidden=[32]",
        "--data.behaviors.columns.user=customer",
        '--data.features=[{"name": "price", "of": "candidate", "kind": "numeric"}]',
        "--gate.auc_min=0.7",
        "--export.table_type=int8",
        "--export.negative_sampling_rate=0.25",
        "--model.unknown_items=category",
        "--beam_args=[--direct_num_workers=2]",
    )
    assert config.model.long_term == "none"
    assert config.model.hidden == (32,)
    assert config.data.behaviors.columns.user == "customer"
    assert config.data.features == (Feature("price", "candidate", "numeric"),)
    assert config.gate.auc_min == 0.7
    assert config.export == ExportConfig(table_type="int8", negative_sampling_rate=0.25)
    assert config.model.unknown_items == "category"
    assert config.beam_args == ("--direct_num_workers=2",)


def test_any_value_can_be_set_from_yaml_and_overridden(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("model: {long_length: 200, heads: 2}\ndata:\n  impressions: {files: i.csv}\n")
    config = parse(f"--config={path}", "--model.heads=8")
    assert config.model.long_length == 200
    assert config.model.heads == 8
    assert config.data.impressions.files == "i.csv"


def test_the_window_follows_from_the_models_lengths():
    lengths = ("--model.short_length=5", "--model.long_length=20")
    assert parse(*lengths, "--model.evidence_length=0").data.window == 25
    assert parse(*lengths, "--model.evidence_length=30").data.window == 30


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--model.long_ter=none"], "model.long_ter"),
        (["--modle.long_term=none"], "modle.long_term"),
        (["--model.long_length=many"], "model.long_length"),
        (["--export.table_type=int4"], "export.table_type"),
        (["--data.window=7"], "data.window"),
    ],
)
def test_what_is_not_known_or_not_of_its_type_is_refused_by_name(arguments, named, capsys):
    with pytest.raises(SystemExit) as stopped:
        parse(*arguments)
    assert stopped.value.code == 2
    # The usage, which names every option, comes before the error.
    _, _, error = capsys.readouterr().err.rpartition("error:")
    assert named in error


def test_an_unknown_key_in_yaml_is_refused_by_name(tmp_path, capsys):
    path = tmp_path / "config.yaml"
    path.write_text("training: {epoch: 3}\n")
    with pytest.raises(SystemExit):
        parse(f"--config={path}")
    assert "training.epoch" in capsys.readouterr().err


def test_a_saved_configuration_is_read_back(tmp_path):
    arguments = [
        "--model.short_length=7",
        "--data.impressions.files=shown.csv",
        '--data.features=[{"name": "price", "of": "candidate", "kind": "numeric"}]',
    ]
    parser = make_config_parser()
    parsed = parser.parse_args(arguments)
    save_config(parser, parsed, tmp_path / "folder" / "config.yaml")
    assert load_config(tmp_path / "folder" / "config.yaml") == to_config(parser, parsed)


@pytest.mark.parametrize("files", ["[a.csv, 'b,c/*.csv']", '["a.csv", "b,c/*.csv"]'])
def test_files_may_be_a_list_and_are_read_back(tmp_path, files):
    (tmp_path / "own.yaml").write_text(f"data: {{behaviors: {{files: {files}}}}}")
    for arguments in ([f"--config={tmp_path / 'own.yaml'}"], [f"--data.behaviors.files={files}"]):
        parser = make_config_parser()
        parsed = parser.parse_args(arguments)
        config = to_config(parser, parsed)
        assert config.data.behaviors.patterns == ["a.csv", "b,c/*.csv"]
        assert type(config.data).from_json(config.data.to_json()) == config.data
        save_config(parser, parsed, tmp_path / "config.yaml")
        assert load_config(tmp_path / "config.yaml") == config


def test_a_configuration_that_was_never_saved_is_an_error_that_says_what_to_do(tmp_path):
    with pytest.raises(FileNotFoundError, match="start with `lifelong run`"):
        load_config(tmp_path / "config.yaml")


def test_the_default_data_gives_defaults_that_can_be_overridden(tmp_path):
    workdir = Workdir(tmp_path)
    config = parse("--data.requests.negatives=3", journey_in=workdir)
    log = workdir.data / complete_journey.BEHAVIORS
    journey = default_ingestion(log)
    assert config.data.behaviors.files == str(log)
    assert config.data.splits == journey.splits
    assert config.data.requests.min_history == journey.requests.min_history
    assert config.data.requests.negatives == 3
    config.data.validate()


def test_without_a_run_the_default_data_is_assumed(tmp_path):
    workdir = Workdir(tmp_path)
    assert load_config_or_default(workdir) == parse(journey_in=workdir)
    parser = make_config_parser()
    save_config(parser, parser.parse_args(["--model.heads=2"]), workdir.config)
    assert load_config_or_default(workdir) == parse("--model.heads=2")

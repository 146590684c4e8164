import pytest

from lifelong.pipeline.cli import main


@pytest.mark.parametrize("command", [[], ["run"], ["serve"], ["rank"]])
def test_every_command_has_help(command, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([*command, "--help"])
    assert stopped.value.code == 0
    assert "usage" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rank", "--user=1"], "start with `lifelong run`"),
        (["serve"], "push a model with `lifelong run`"),
        (["run", "--data.behaviors.files=nothing-*.csv"], "splits.validation_start is empty"),
    ],
)
def test_a_failure_is_one_line_that_says_what_to_do(arguments, message, tmp_path, capsys):
    status = main([*arguments, f"--workdir={tmp_path}"])
    error = capsys.readouterr().err
    assert status == 1
    assert message in error
    assert "Traceback" not in error


def test_a_long_term_part_that_does_not_exist_is_told_with_those_that_do(tmp_path, capsys):
    arguments = [
        "run",
        "--data.behaviors.files=log.csv",
        "--data.splits.validation_start=2020-01-01",
        "--data.splits.eval_start=2020-02-01",
        "--model.long_term=dien",
        f"--workdir={tmp_path}",
    ]
    assert main(arguments) == 1
    assert "expected one of none, eta" in capsys.readouterr().err


def test_a_field_that_is_missing_inside_a_list_is_named(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["run", '--data.features=[{"name": "price"}]'])
    assert stopped.value.code == 2
    assert 'Key "of" is required' in capsys.readouterr().err

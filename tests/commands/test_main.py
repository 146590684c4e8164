import pytest

from lifelong.commands.main import main


@pytest.mark.parametrize(
    "command",
    [[], ["run"], ["serve"], ["rank"], ["ingest"], ["compare"], ["sweep"], ["staleness"]],
)
def test_every_command_has_help(command, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([*command, "--help"])
    assert stopped.value.code == 0
    assert "usage" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rank", "--user=1"], "start with `lifelong run`"),
        (["rank", "--user=1", "--security.tls=true"], "security is set, but server is empty"),
        (["ingest", "log.csv"], "start with `lifelong run`"),
        (["serve"], "push a model with `lifelong run`"),
        (["run", "--data.behaviors.files=nothing-*.csv"], "splits.validation_start is empty"),
        (["compare", "--models=[etta]"], "'etta' is unknown; choose from none"),
        (["compare", "--seeds=[]"], "seeds is empty; give at least one"),
        (["sweep", "--retrain=[64x]"], "retrain has '64x'; expected MxK"),
        (["staleness", "--weeks=0"], "weeks is 0; it must be at least 1"),
    ],
)
def test_a_failure_is_one_line_that_says_what_to_do(arguments, message, tmp_path, capsys):
    status = main([*arguments, f"--workdir={tmp_path}"])
    error = capsys.readouterr().err
    assert status == 1
    assert message in error
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("--model.long_term=dien", "none"),
        ("--model.heads=0.5", "int"),
        ('--data.features=[{"name": "x"}]', "required: of"),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused(argument, message, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["run", argument])
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err.rpartition("error:")[2]


def test_a_value_out_of_range_is_refused(capsys, tmp_path):
    assert main(["run", "--model.heads=0", f"--workdir={tmp_path}"]) == 1
    assert "model.heads is 0; it must be at least 1" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["run"], ["serve"], ["compare"], ["ingest", "log.csv"]])
def test_a_workdir_that_is_not_of_this_machine_is_refused(command, capsys):
    assert main([*command, "--workdir=gs://shop"]) == 1
    said = capsys.readouterr().err
    assert "workdir is 'gs://shop'; it must be a folder of this machine. Set pipeline_root" in said

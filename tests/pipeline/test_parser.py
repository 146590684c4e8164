"""What is wrong with arguments and YAML is told in two lines that name the field."""

import dataclasses
from typing import Literal

import pytest

from lifelong.commands.main import main
from lifelong.pipeline.parser import Parser


@dataclasses.dataclass(frozen=True)
class Log:
    files: str = ""
    kind: Literal["csv", "jsonl"] = "csv"


@dataclasses.dataclass(frozen=True)
class Feature:
    name: str
    of: Literal["event", "user"]


@dataclasses.dataclass(frozen=True)
class Options:
    heads: int = 4
    rate: float = 0.5
    deep: bool = True
    name: str = ""
    widths: tuple[int, ...] = ()
    log: Log = Log()
    shown: Log | None = None
    features: tuple[Feature, ...] = ()
    least: float | None = None


@pytest.fixture
def parse():
    """Parses arguments with a fresh parser."""

    def run(*arguments):
        parser = Parser(prog="lifelong try")
        parser.add_config_file()
        parser.add_fields(Options)
        return parser.parse_args(list(arguments))

    return run


@pytest.fixture
def refusal(parse, capsys):
    """What is said of arguments that are wrong, without what is always said."""

    def run(*arguments):
        with pytest.raises(SystemExit) as stopped:
            parse(*arguments)
        assert stopped.value.code == 2
        first, second = capsys.readouterr().err.splitlines()
        assert second == "`lifelong try --help` lists the options and what they take"
        assert first.startswith("lifelong try: ")
        return first.removeprefix("lifelong try: ")

    return run


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("--haeds=3", "there is no option --haeds; did you mean --heads?"),
        ("--kind=csv", "there is no option --kind; did you mean --log.kind?"),
        ("--log.fils=x", "there is no option --log.fils; did you mean --log.files?"),
        ("--shown.fils=x", "there is no option --shown.fils; did you mean --shown.files?"),
        ("--xyz", "there is no option --xyz"),
        ("more", "unrecognized arguments: more"),
        ("--heads", "argument --heads: expected one argument"),
        ("--heads=0.5", "heads is '0.5'; expected an integer"),
        ("--heads=", "heads is empty; expected an integer"),
        ("--rate=fast", "rate is 'fast'; expected a number"),
        ("--least=low", "least is 'low'; expected a number"),
        ("--deep=maybe", "deep is 'maybe'; expected true or false"),
        ("--widths=3", "widths is '3'; expected a list such as [a, b]"),
        ("--widths=[3", "widths is '[3'; expected a list such as [a, b]"),
        ("--widths=[3, x]", "widths[1] is 'x'; expected an integer"),
        ("--log.kind=cvs", "log.kind is 'cvs'; expected one of csv, jsonl; did you mean csv?"),
        ("--shown.kind=x", "shown.kind is 'x'; expected one of csv, jsonl"),
        ("--shown=x", "shown is 'x'; expected fields such as files, kind"),
        ("--log={kind: x}", "log.kind is 'x'; expected one of csv, jsonl"),
        ("--log={kidn: csv}", "there is no field log.kidn; did you mean log.kind?"),
        ("--features=[{name: x}]", "features[0] is incomplete; required: of"),
        (
            "--features=[{name: x, of: user, xyz: 3}]",
            "there is no field features[0].xyz",
        ),
        ("--config=/nowhere.yaml", "--config: /nowhere.yaml does not exist; check the path"),
        ("--config=/", "--config: / is a folder; name a YAML file in it"),
    ],
)
def test_a_wrong_argument_is_named(refusal, argument, said):
    assert refusal(argument) == said


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("rate: 1\nhaeds: 3\n", 2, "there is no field haeds; did you mean heads?"),
        ("log:\n  fils: x\n", 2, "there is no field log.fils; did you mean log.files?"),
        ("heads: 3\nrate: 1\nheads: 4\n", 3, "heads stands here again, after line 1; join the two"),
        ("heads: 3.0\n", 1, "heads is '3.0'; expected an integer"),
        ("rate: 1\nname: 5\n", 2, "name is '5'; expected text; put it in quotes"),
        ("log: 5\n", 1, "log is '5'; expected fields such as files, kind"),
        ("log:\nheads: 3\n", 1, "log is empty; expected fields such as files, kind"),
        ("heads: [3]\n", 1, "heads is a list; expected a single value"),
        ("widths: {a: 3}\n", 1, "widths is a mapping of fields; expected a list such as [a, b]"),
        ("features:\n- {name: x, of: user}\n- {name: y}\n", 3, "features[1] is incomplete; req"),
        ("shown:\n  files: x\n  kind: y\n", 3, "shown.kind is 'y'; expected one of csv, jsonl"),
        ("- heads\n", 1, "the file is a list; expected fields such as heads, rate, deep"),
        ("heads: 3\n  rate: 1\n", 2, "this is no YAML: mapping values are not allowed here"),
        ("heads: *x\n", 1, "this is no YAML: found undefined alias 'x'"),
    ],
)
def test_what_is_wrong_in_yaml_is_named_with_its_file_and_line(refusal, tmp_path, text, line, said):
    path = tmp_path / "shop.yaml"
    path.write_text(text)
    assert refusal(f"--config={path}").startswith(f"{path}, line {line}: {said}")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "sets nothing"),
        (b"# heads: 3\n", "sets nothing"),
        (b"\xff\xfeh\x00", "is no text in UTF-8"),
    ],
)
def test_a_file_that_is_no_configuration_is_named(refusal, tmp_path, content, said):
    path = tmp_path / "shop.yaml"
    path.write_bytes(content)
    assert f"{path} {said}" in refusal(f"--config={path}")


def test_what_is_right_is_read(parse, tmp_path):
    path = tmp_path / "shop.yaml"
    path.write_text(
        "heads: 3\nrate: 1e-3\ndeep: yes\nname: '5'\nwidths: [1, 2]\nshown: {files: x}\n"
        "features:\n- {name: x, of: user}\nleast: null\nlog.kind: jsonl\n"
    )
    parsed = parse(f"--config={path}", "--heads", "5")
    assert (parsed.heads, parsed.rate, parsed.deep, parsed.name) == (5, 0.001, True, "5")
    assert (parsed.widths, parsed.shown.files, parsed.log.kind) == ((1, 2), "x", "jsonl")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "lifelong: a command is missing; choose from run, compile, submit, "),
        (["rnu"], "lifelong: there is no command rnu; did you mean run? (run, compile, "),
        (["--foo", "run"], "lifelong: --foo stands before the command"),
        (["rank"], "lifelong rank: the following arguments are required: user"),
        (["ingest"], "lifelong ingest: the following arguments are required: events_file"),
        (
            ["ingest", "x", "--folow"],
            "lifelong ingest: there is no option --folow; did you mean --f",
        ),
        (["serve", "--port=x"], "lifelong serve: port is 'x'; expected an integer"),
        (["rank", "--security.tsl=true"], "lifelong rank: there is no option --security.tsl; did"),
        (["compare", "--models=eta"], "lifelong compare: models is 'eta'; expected a list"),
        (["compare", "--config=/x.yaml"], "lifelong compare: --config: /x.yaml does not exist"),
        (["sweep", "--bits=[a]"], "lifelong sweep: bits[0] is 'a'; expected an integer"),
        (["staleness", "--week=3"], "lifelong staleness: there is no option --week; did you mean"),
    ],
)
def test_every_command_says_in_two_lines_what_is_wrong(arguments, said, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith(said)
    assert second == f"`{said.partition(':')[0]} --help` lists the options and what they take"

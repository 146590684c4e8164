"""Pages keep what they promise: links lead somewhere, examples run, configurations and commands parse."""

import dataclasses
import re
import shlex
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import yaml

from docs.generate import docstrings, fields
from lifelong import serving
from lifelong.commands.parser import COMMANDS
from lifelong.data import keys
from lifelong.data.contract import VERSION, DataContract
from lifelong.models import layers
from lifelong.models.export import export_model
from lifelong.models.training import make_spec
from lifelong.models.wire import wire_spec
from lifelong.pipeline.config import Config
from lifelong.pipeline.config_parser import make_config_parser, to_config
from lifelong.pipeline.value_checks import kinds_of_fields
from lifelong.serving import behavior_store
from lifelong.serving.behavior_store import Manifest
from lifelong.serving.behavior_store.lmdb_store import LmdbStore
from lifelong.serving.server.server import ModelServer
from tests.markdown_pages import (
    PAGES,
    ROOT,
    anchors_of,
    blocks,
    blocks_of,
    codes_of,
    links_of,
    name_of,
)
from tests.sample_models import small_config, spread
from tests.sample_statistics import random_statistics

DOCS = ROOT / "docs"
MAKEFILE = (ROOT / "Makefile").read_text()
PYTHON = blocks("python")
ADDRESS = "127.0.0.1:8500"
# What stands for something of the reader's own.
PLACEHOLDER = re.compile(r"\b[A-Z]{4,}\b|\.\.\.|/path/")
# Names of Keras that look like fields of the configuration.
KERAS = {"model.fit"}
each_page = pytest.mark.parametrize("page", PAGES, ids=name_of)


# Links


@each_page
def test_links_lead_somewhere(page):
    for link in links_of(page):
        if link.startswith(("https://", "http://127.0.0.1")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{link}: there is no such file"
        assert not anchor or anchor in anchors_of(target), f"{link}: no such heading"


def test_all_pages_are_in_the_list_of_contents():
    """Sphinx warns of others, too; this does not wait for it."""
    listed = set()
    for page in (DOCS / "index.md", DOCS / "reference" / "index.md"):
        for block in blocks_of(page, "{toctree}"):
            names = re.findall(r"^(?:.* <)?([\w/]+)>?$", block.text, re.MULTILINE)
            listed |= {(page.parent / f"{name}.md") for name in names}
    assert listed == set(DOCS.rglob("*.md")) - {DOCS / "index.md"}


# Examples


@pytest.mark.parametrize("block", PYTHON, ids=str)
def test_python_compiles(block):
    compile(block.text, str(block), "exec")


def test_the_long_layer_example_runs():
    names = {}
    (example,) = blocks_of(DOCS / "layers.md", "python")
    exec(example.text, names)
    assert names["interest"].shape == (2, 3, 128)
    # The first user's latest events are of items 6, 7, 6, 5; the second one has a single event.
    assert names["found"].position[0, 0].numpy().tolist() == [0, 2]
    assert names["found"].mask[1].numpy().tolist() == [[True, False]] * 3


@pytest.fixture(scope="module")
def pushed(tmp_path_factory, transform_output):
    """A folder as a run leaves it, with a store, and the address of a server of its model."""
    folder = tmp_path_factory.mktemp("pushed")
    config = small_config("sim_hard", evidence_length=25, statistics=True)
    contract = DataContract(VERSION)
    told = {"features": [], "data_contract": dataclasses.asdict(contract)}
    spec = make_spec({"model": dataclasses.asdict(config), **told}, transform_output)
    statistics = random_statistics(time=15_000 * 86_400)
    export_model(spread(spec), transform_output, str(folder / "model" / "1"), statistics=statistics)
    store = folder / "workdir" / "behavior_store" / "lifelong" / "1"
    store.parent.mkdir(parents=True)
    with LmdbStore.create(store, Manifest(contract=contract, shards=1)) as made:
        event = {"user": 1, "item": 995242, "category": 17, "timestamp": 1512000000}
        made.append({key: np.array([value]) for key, value in event.items()})
    with ModelServer.of_model("lifelong", str(folder / "model"), poll_interval_s=0) as server:
        yield folder, server.address


@pytest.mark.parametrize("block", [it for it in PYTHON if ADDRESS in it.text], ids=str)
def test_examples_of_clients_run_against_a_server(block, pushed, monkeypatch, capsys):
    folder, address = pushed
    monkeypatch.chdir(folder)
    names = {}
    if "build_request" not in block.text:
        names["request"] = _request()
    exec(block.text.replace(ADDRESS, address), names)
    answer = names["answer"]
    if isinstance(answer, dict):
        assert answer["scores"].shape == (1, 2)
    else:
        assert sorted(it.item for it in answer.items) == [840361, 995242]
        assert not answer.degraded


def _request():
    (whole,) = (it for it in blocks_of(ROOT / "README.md", "python") if "build_request" in it.text)
    names = {}
    exec(whole.text.partition("with PredictionClient")[0], names)
    return names["request"]


# Configurations


@pytest.mark.parametrize("block", blocks("yaml"), ids=str)
def test_configurations_are_accepted(block, tmp_path):
    path = tmp_path / "shop.yaml"
    path.write_text(block.text)
    parser = make_config_parser()
    parser.exit_on_error = False
    config = to_config(parser, parser.parse_args([f"--config={path}"]))
    if config.data.splits.eval_start:
        config.data.validate()


@each_page
def test_fields_that_pages_name_exist(page):
    known = kinds_of_fields(Config)
    sections = {name.split(".")[0] for name, kind in known.items() if "." in name}
    for code in codes_of(page):
        found = re.fullmatch(r"(?:--)?((?:\w+\.)+\w+)(?:[ :] ?(.*))?", code)
        if not found or found[1].split(".")[0] not in sections:
            continue
        if code in KERAS or (ROOT / code).exists():
            continue
        assert found[1] in known, f"{code}: the configuration has no such field"


def test_the_page_of_the_configuration_has_every_field():
    page = fields.configuration_page()
    for section, kind in fields.sections(Config):
        assert f"## `{section}`" in page or not section
        for field in fields.fields_of(kind):
            assert field.meaning, f"{section}.{field.name} is not told in the docstring"
            follows = f"{section}.{field.name}" in fields.FOLLOWS
            assert (field.shown() in page) != follows


def test_what_follows_from_other_fields_is_no_option():
    options = set(re.findall(r"--[\w.]+", make_config_parser().format_help()))
    plain = {name for name in kinds_of_fields(Config) if f"--{name}" not in options}
    # Fields of lists and of what may be missing are options as a whole.
    within = ("data.impressions.", "data.users.", "data.items.", "data.features.", ".label.")
    plain = {name for name in plain if not any(part in f"{name}." for part in within)}
    assert plain == fields.FOLLOWS


def test_a_field_is_shown_with_type_default_and_meaning():
    shown = {field.name: field.shown() for field in fields.fields_of(type(Config().model))}
    assert shown["short_length"] == (
        "`short_length`\n: integer, default `50`. S, the most recent events, which the short-term "
        "part reads; 0 leaves it out.\n"
    )
    assert (
        "`multi_head` or `target_attention` or `dien`, default `multi_head`"
        in (shown["short_term"])
    )


# The wire


def table_below(page, heading):
    """The first column of the first table below a heading, as code."""
    section = page.read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = [line.split(" | ") for line in section.splitlines() if line.startswith("| `")]
    return {name: row[1] for row in rows for name in re.findall(r"`(\w+)`", row[0])}


def test_the_inputs_are_those_of_the_wire():
    told = table_below(DOCS / "serving.md", "On the wire")
    assert set(told) == set(wire_spec(()))
    for name, spec in wire_spec(()).items():
        assert told[name].count(",") == spec.shape.rank - 1, f"{name} has another shape"


def test_all_signatures_are_told():
    known = {value for name, value in vars(keys).items() if name.endswith("_SIGNATURE")}
    assert set(table_below(DOCS / "serving.md", "Signatures")) == known


# Commands


def test_the_page_of_the_commands_has_every_option():
    page = fields.commands_page()
    for name, command in COMMANDS.items():
        section = page.partition(f"## `lifelong {name}`\n")[2].partition("\n## ")[0]
        assert section, f"lifelong {name} is missing"
        options = set(re.findall(r"^`(--[\w.]+)`$", section, re.MULTILINE))
        known = set(command.make_parser()._option_string_actions)
        assert options <= known
        assert options or fields.reads_configuration(command)
    assert "`--rest_port`\n: integer, default `-1`." in page


def commands_in(lines):
    """The arguments of lines that call `lifelong`."""
    for line in lines:
        found = re.match(r"\s*(?:\.venv/bin/)?lifelong ([a-z]+(?: .*)?)$", line)
        if found:
            yield shlex.split(re.split(r" [|;]|&&", found[1])[0], comments=True)


def lines_of_blocks(page):
    texts = [block.text for block in blocks_of(page, "", "sh", "bash", "console")]
    return "\n".join(texts).replace("\\\n", " ").splitlines()


@each_page
def test_options_of_commands_exist(page):
    for name, *arguments in commands_in([*lines_of_blocks(page), *codes_of(page)]):
        if PLACEHOLDER.fullmatch(name):
            continue
        assert name in COMMANDS, f"there is no lifelong {name}"
        options = {it.partition("=")[0] for it in arguments if it.startswith("--")}
        unknown = options - set(COMMANDS[name].make_parser()._option_string_actions)
        assert not unknown, f"lifelong {name} has no {unknown}"


@each_page
def test_whole_commands_are_accepted(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("examples").symlink_to(ROOT / "examples")
    for name in ("shop.yaml", "cluster.yaml"):
        Path(name).write_text("name: shop\n")
    for name, *arguments in commands_in(lines_of_blocks(page)):
        if not PLACEHOLDER.search(" ".join(arguments)):
            parser = COMMANDS[name].make_parser()
            parser.exit_on_error = False
            parser.parse_args(arguments)


@each_page
def test_targets_of_make_exist(page):
    text = page.read_text()
    for target in re.findall(r"(?:`|^    |&& )make ([a-z-]+)", text, re.MULTILINE):
        assert re.search(rf"^(?:[a-z-]+ )*{target}(?: [a-z-]+)*:", MAKEFILE, re.MULTILINE), target


@each_page
def test_measurements_that_pages_name_exist(page):
    known = (ROOT / "benchmarks" / "__main__.py").read_text()
    for name in re.findall(r"make bench ARGS=([a-z_]+)", page.read_text()):
        assert f'"{name}":' in known, f"there is no measurement {name}"


# The API reference


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("layers", layers.__all__),
        ("serving", set(serving.__all__) - {"open_store"}),
        ("behavior_store", behavior_store.__all__),
    ],
)
def test_the_reference_has_every_public_name(page, names):
    text = (DOCS / "reference" / f"{page}.md").read_text()
    told = re.findall(r"^\.\. auto(?:class|function|exception):: ([\w.]+)$", text, re.MULTILINE)
    assert set(names) <= {name.split(".")[-1] for name in told}


def test_the_table_of_layers_lists_every_public_name():
    page = (DOCS / "layers.md").read_text()
    table = re.search(r"\| for \| names \|\n(.*?)\n\n", page, re.DOTALL)[1]
    assert sorted(re.findall(r"`(\w+)`", table)) == sorted(layers.__all__)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("A mask `[B, N]`.", "A mask ``[B, N]``."),
        ("All `tf.Example`s of it.", "All ``tf.Example``\\ s of it."),
        ("It is `broken\n    here`.", "It is ``broken here``."),
        (
            "[SIM](https://arxiv.org/abs/2006.05639), 3.",
            "`SIM <https://arxiv.org/abs/2006.05639>`__, 3.",
        ),
        ("A length |x|, a `|`.", "A length \\|x\\|, a ``|``."),
        ("Of 2**6 bits.", "Of 2\\*\\*6 bits."),
        ("Example:\n    a = b", "Example:\n    .. code-block:: python\n\n        a = b"),
        ("Example:\n    >>> a\n    1", "Example:\n    >>> a\n    1"),
    ],
)
def test_docstrings_become_restructured_text(written, read):
    assert "\n".join(docstrings.to_restructured(written.split("\n"))) == read


# Pictures and forms


@pytest.mark.parametrize(
    "picture", sorted((DOCS / "pictures").glob("*.svg")), ids=lambda it: it.stem
)
def test_pictures_are_told_and_have_a_style_for_dark_pages(picture):
    root = ElementTree.parse(picture).getroot()
    names = [child.tag.rpartition("}")[2] for child in root]
    assert names[:2] == ["title", "desc"]
    assert "prefers-color-scheme: dark" in picture.read_text()
    shown = " ".join(page.read_text() for page in PAGES)
    assert f"pictures/{picture.name}" in shown, "no page shows it"


@pytest.mark.parametrize("name", ["bug", "feature"])
def test_forms_of_issues_are_whole(name):
    form = yaml.safe_load((ROOT / ".github" / "ISSUE_TEMPLATE" / f"{name}.yml").read_text())
    assert {"name", "description", "body"} <= set(form)
    for part in form["body"]:
        assert part["type"] in ("textarea", "input", "dropdown", "markdown", "checkboxes")
        assert part["attributes"]["label"]
    ids = [part["id"] for part in form["body"]]
    assert len(set(ids)) == len(ids)

"""The README's examples work as they stand."""

import re
from pathlib import Path

import pytest

from lifelong.models import layers
from lifelong.pipeline.config_parser import make_config_parser, to_config

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def block(heading, language):
    """The first code block of a language in a section."""
    section = README.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    found = re.search(rf"```{language}\n(.*?)```", section, re.DOTALL)
    assert found, f"no {language} block under {heading}"
    return found[1]


def test_the_layers_example_runs():
    example = block("Layers", "python")
    assert len(list(filter(None, example.splitlines()))) == 10
    names = {}
    exec(example, names)
    assert names["interest"].shape == (2, 3, 128)
    # The first user's latest events are of items 6, 7, 6, 5; the second one has a single event.
    assert names["found"].position[0, 0].numpy().tolist() == [0, 2]
    assert names["found"].mask[1].numpy().tolist() == [[True, False]] * 3


def test_the_layers_table_lists_every_public_name():
    table = re.search(r"\| for \| names \|\n(.*?)\n\n", README, re.DOTALL)[1]
    assert sorted(re.findall(r"`(\w+)`", table)) == sorted(layers.__all__)


def test_the_request_example_builds_a_request():
    before_call = block("Predict", "python").partition("with PredictionClient")[0]
    names = {}
    exec(before_call, names)
    assert names["request"]["history_item"].tolist() == [[1082185, 995242]]


def test_the_configuration_example_is_accepted(tmp_path):
    path = tmp_path / "shop.yaml"
    path.write_text(block("Your own logs", "yaml"))
    parser = make_config_parser()
    config = to_config(parser, parser.parse_args([f"--config={path}"]))
    config.data.validate()
    assert config.data.window == 4000


@pytest.mark.parametrize("target", sorted(set(re.findall(r"make ([a-z]+)", README))))
def test_every_make_target_exists(target):
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)

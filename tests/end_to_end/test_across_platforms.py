"""What one platform has trained, baked and stored is baked, served and read by the other.

`LIFELONG_OTHER_PYTHON` names the interpreter of the other platform.
"""

import contextlib
import sys

import numpy as np
import pytest

from lifelong.serving import PredictionClient
from tests.end_to_end.command import OTHER_PYTHON, needs_other_platform
from tests.end_to_end.platform_process import MODELS, SIGNATURES, PlatformProcess

pytestmark = [pytest.mark.slow, pytest.mark.each_platform, needs_other_platform]
# Who exported, and who answers.
BOTH = ("this", "other")


def the_other(which):
    """The platform that one works with."""
    return BOTH[1 - BOTH.index(which)]


def on_both(platforms, name, *arguments):
    """What a function returns in the processes of both platforms, which run it at the same time."""
    for which, process in platforms.items():
        process.ask(name, *(it[which] if isinstance(it, dict) else it for it in arguments))
    return {which: process.answer() for which, process in platforms.items()}


@pytest.fixture(scope="module")
def platforms(tmp_path_factory):
    """A process of each platform."""
    folder = tmp_path_factory.mktemp("platforms")
    pythons = zip(BOTH, (sys.executable, OTHER_PYTHON), strict=True)
    with contextlib.ExitStack() as stack:
        yield {
            which: stack.enter_context(PlatformProcess(python, folder / f"{which}.log"))
            for which, python in pythons
        }


@pytest.fixture(scope="module")
def trained(platforms, tmp_path_factory):
    """Folders of what each platform has trained and stored."""
    folders = {which: tmp_path_factory.mktemp(f"trained_by_{which}") for which in BOTH}
    on_both(platforms, "train", folders)
    return folders


@pytest.fixture(scope="module")
def baked(platforms, trained, tmp_path_factory):
    """Folders of what each platform has baked, from what the other one has trained."""
    folders = {which: tmp_path_factory.mktemp(f"baked_by_{which}") for which in BOTH}
    on_both(platforms, "bake", {it: trained[the_other(it)] for it in BOTH}, folders)
    return folders


@pytest.fixture(scope="module")
def addresses(platforms, baked):
    """A server of each platform, with all models of both; the name tells who exported it."""
    models = {f"{name}_by_{it}": str(baked[it] / name) for it in BOTH for name in MODELS}
    return on_both(platforms, "serve", dict.fromkeys(BOTH, models))


def test_the_platforms_are_two(platforms):
    versions = on_both(platforms, "versions")
    assert versions["this"]["tensorflow"] != versions["other"]["tensorflow"], versions


@pytest.mark.parametrize("exporter", BOTH)
@pytest.mark.parametrize("name", MODELS)
def test_both_servers_answer_what_training_computed(name, exporter, trained, addresses):
    folder = trained[the_other(exporter)]
    requests = dict(np.load(folder / "requests.npz"))
    for signature in SIGNATURES:
        expected = dict(np.load(folder / f"{MODELS[name]['long_term']}_{signature}.npz"))
        assert np.std(expected["scores"]) > 0.01
        for server, address in addresses.items():
            with PredictionClient(address, f"{name}_by_{exporter}", timeout_s=60) as client:
                answer = client.predict(requests, signature)
            assert answer.keys() == expected.keys()
            for key, values in expected.items():
                np.testing.assert_allclose(
                    answer[key], values, atol=1e-5, rtol=0, err_msg=f"{signature} {key}, {server}"
                )


@pytest.mark.parametrize("name", ["eta", "sim_hard"])
def test_a_store_of_one_platform_is_read_by_the_other(name, platforms, trained, addresses):
    """Each ranks through the stores of both, with the model that the other one exported."""
    ranked = [
        on_both(
            platforms,
            "rank",
            addresses,
            {it: f"{name}_by_{the_other(it)}" for it in BOTH},
            str(trained[writer] / "store"),
        )
        for writer in BOTH
    ]
    first, *others = [scores for by_reader in ranked for scores in by_reader.values()]
    assert np.std([list(it.values()) for it in first]) > 0.01
    for scores in others:
        for one, another in zip(first, scores, strict=True):
            assert one == pytest.approx(another, abs=1e-5)

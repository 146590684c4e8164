import dataclasses
import json
from pathlib import Path

import pytest

from benchmarks import trained_models
from benchmarks.steps import fresh_model
from benchmarks.trained_models import find_trained, load_trained_part
from lifelong.models.trained import SPEC_FILE, save_trained
from tests.sample_models import small_spec


def add_trial(workdir, slug, finished=True):
    folder = workdir / "compare" / "trials" / slug
    (folder / "trained").mkdir(parents=True)
    if finished:
        (folder / "result.json").write_text("{}")
    return folder / "trained"


@pytest.fixture
def last_run(monkeypatch):
    """Lets the last run have trained a model of a given long-term part."""

    @dataclasses.dataclass
    class Run:
        long_term: str
        trained_folder = Path("last", "run")

        @property
        def spec(self):
            return small_spec(self.long_term)

    def set_part(long_term):
        run = type("FinishedRun", (), {"read": staticmethod(lambda workdir: Run(long_term))})
        monkeypatch.setattr(trained_models, "FinishedRun", run)

    return set_part


def test_the_smallest_seed_of_a_comparison_is_taken(tmp_path):
    add_trial(tmp_path, "eta-seed18")
    add_trial(tmp_path, "eta-seed100")
    assert find_trained("eta", str(tmp_path)).parent.name == "eta-seed18"
    add_trial(tmp_path, "eta-seed9")
    assert find_trained("eta", str(tmp_path)).parent.name == "eta-seed9"


def test_unfinished_trials_and_variants_are_not_taken(tmp_path):
    add_trial(tmp_path, "eta-seed1", finished=False)
    add_trial(tmp_path, "eta+short_term=dien-seed2")
    wanted = add_trial(tmp_path, "eta-seed3")
    assert find_trained("eta", str(tmp_path)) == wanted


def test_without_a_comparison_it_is_the_last_runs_model(tmp_path, last_run):
    last_run("eta")
    assert find_trained("eta", str(tmp_path)) == Path("last", "run")
    with pytest.raises(FileNotFoundError, match=r"compare --models=\[sim_soft\]"):
        find_trained("sim_soft", str(tmp_path))
    wanted = add_trial(tmp_path, "sim_soft-seed1")
    assert find_trained("sim_soft", str(tmp_path)) == wanted


def test_without_any_run_the_error_says_what_to_do(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no trained eta.*lifelong compare"):
        find_trained("eta", str(tmp_path))


def test_a_trained_model_is_loaded(tmp_path):
    folder = add_trial(tmp_path, "eta-seed1")
    model = fresh_model(small_spec("eta"))
    save_trained(model, str(folder))
    loaded, found = load_trained_part("eta", str(tmp_path))
    assert found == folder
    assert loaded.spec == model.spec


def test_weights_of_another_architecture_are_an_error(tmp_path):
    folder = add_trial(tmp_path, "eta-seed1")
    save_trained(fresh_model(small_spec("eta")), str(folder))
    fields = json.loads((folder / SPEC_FILE).read_text())
    fields["model"]["hidden"] = [8, 8]
    (folder / SPEC_FILE).write_text(json.dumps(fields))
    with pytest.raises(ValueError, match="do not fit today's model; train it again"):
        load_trained_part("eta", str(tmp_path))

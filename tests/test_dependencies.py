"""What a room of the code imports is declared, in the base or in the extra that is for it."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import packages_distributions, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from lifelong.data.extras import EXTRAS, explained
from tests.test_imports import BELOW, ROOT, imported, modules

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# Which extra the code of a room may need, the innermost room first.
ROOMS = {
    "data": None,
    "models/layers": None,
    "models/gbdt": "experiments",
    "models": "pipeline",
    "serving/server": "server",
    "serving/behavior_store": "store",
    "serving": None,
    "components": "pipeline",
    "pipeline/submission.py": "kubeflow",
    "pipeline": "pipeline",
    "experiments": "experiments",
    "report": "pipeline",
    "explain": "pipeline",
    "commands": "pipeline",
}
OURS = {"lifelong", "lifelong_artifacts"}
# Modules whose package has another name than their distribution, or shares it with others.
NAMES = {
    "google": "protobuf",
    "kfp": "kfp",
    "sklearn": "scikit-learn",
    "tfx": "tfx",
    "vl_convert": "vl-convert-python",
    "yaml": "pyyaml",
}


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(requirements):
    """Names of distributions, those of extras of our own included."""
    found = set()
    for requirement in requirements:
        name, extras = re.match(r"([\w.-]+)(?:\[([^\]]*)\])?", requirement).groups()
        if name == "lifelong":
            for extra in extras.split(","):
                found |= declared(PROJECT["optional-dependencies"][extra])
        else:
            found.add(normal(name))
    return found


def distribution(module):
    known = packages_distributions().get(module, [module])
    return normal(NAMES.get(module, known[0]))


def third_party(folder):
    """First names of the modules of others that a room imports, without the rooms within it."""
    inner = [ROOT / other for other in ROOMS if other.startswith(f"{folder}/")]
    found = {}
    for path in modules(folder) if (ROOT / folder).is_dir() else [ROOT / folder]:
        if any(path.is_relative_to(other) for other in inner):
            continue
        for name in imported(path):
            first = name.split(".")[0]
            if first not in OURS and first not in sys.stdlib_module_names:
                found[first] = path
    return found


def test_every_folder_is_a_room():
    assert {room.partition("/")[0] for room in ROOMS} == set(BELOW)


@pytest.mark.parametrize("room", ROOMS)
def test_what_a_room_imports_is_declared(room):
    extra = ROOMS[room]
    known = declared(PROJECT["dependencies"])
    if extra:
        known |= declared(PROJECT["optional-dependencies"][extra])
    for module, path in third_party(room).items():
        assert distribution(module) in known, f"{path} imports {module}: declare it for {extra}"


LISTS = {"3.10": "tfx-1.16.txt", "3.11": "tfx-1.21.txt", "3.13": "tfx-1.21.txt"}


@pytest.mark.parametrize("python", LISTS)
def test_what_a_list_pins_is_in_the_declared_ranges(python):
    def holds(requirement):
        where = {"python_version": python, "python_full_version": f"{python}.9"}
        return requirement.marker is None or requirement.marker.evaluate(where)

    lines = (ROOT / "constraints" / LISTS[python]).read_text().splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    pinned = {normal(it.name): str(it.specifier).removeprefix("==") for it in pins if holds(it)}
    extras = PROJECT["optional-dependencies"].values()
    texts = [*PROJECT["dependencies"], *(text for extra in extras for text in extra)]
    for asked in map(Requirement, texts):
        if asked.name != "lifelong" and holds(asked):
            assert asked.specifier.contains(pinned[normal(asked.name)]), asked


def test_extras_are_told_as_they_are_declared():
    for module, extra in EXTRAS.items():
        assert distribution(module) in declared(PROJECT["optional-dependencies"][extra]), module
    base = declared(PROJECT["dependencies"])
    needed = {module for room in ROOMS for module in third_party(room)}
    assert {module for module in needed if distribution(module) not in base} <= EXTRAS.keys()


def test_an_error_that_no_extra_mends_stays_as_it_is():
    for name in ("shop", "tfx.no_such_part"):
        error = ModuleNotFoundError(f"No module named {name!r}", name=name)
        assert explained(error, "lifelong run") is error
    told = explained(ModuleNotFoundError(name="tfx"), "lifelong run")
    assert str(told) == (
        "lifelong run needs tfx, which is not installed; run: pip install 'lifelong[pipeline]'"
    )


# A fresh process in which some modules are not installed.
WITHOUT = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {missing!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
{code}
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("missing", "code", "message"),
    [
        (
            {"jsonargparse"},
            "from lifelong.commands.main import main; sys.exit(main(['--help']))",
            "lifelong needs jsonargparse, which is not installed; run: pip install "
            "'lifelong[pipeline]'",
        ),
        (
            {"tfx"},
            "from lifelong.commands.main import main; sys.exit(main(['run', '--workdir', WORK]))",
            "lifelong run needs tfx, which is not installed; run: pip install 'lifelong[pipeline]'",
        ),
        (
            {"tensorboard"},
            "from lifelong.commands.main import main; sys.exit(main(['run', '--workdir', WORK]))",
            "lifelong run needs tensorboard, which is not installed; run: pip install "
            "'lifelong[pipeline]'",
        ),
        (
            {"tornado"},
            "from lifelong.commands.main import main;"
            "sys.exit(main(['serve', '--base_path', WORK]))",
            "lifelong serve needs tornado, which is not installed; run: pip install "
            "'lifelong[server]'",
        ),
        (
            {"lmdb", "redis"},
            "from lifelong.serving import Ranker, open_store; open_store('nothing')",
            "a behaviour store in a folder needs lmdb, which is not installed; run: pip install "
            "'lifelong[store]'",
        ),
        (
            {"lmdb", "redis"},
            "from lifelong.serving import open_store; open_store('redis://127.0.0.1:1')",
            "a behaviour store in Redis needs redis, which is not installed; run: pip install "
            "'lifelong[store]'",
        ),
    ],
)
def test_a_missing_extra_is_named(missing, code, message, tmp_path):
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            WITHOUT.format(missing=missing, code=code.replace("WORK", "sys.argv[1]")),
            tmp_path,
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(tmp_path),
    )
    assert done.returncode == 1
    assert message in done.stderr
    if "main" in code:
        assert "Traceback" not in done.stderr


# As in version 2.19 beside protobuf 6: messages can be imported, services cannot.
MISFIT = """
raise AttributeError("attribute 'has_options' of 'FileDescriptor' objects is not writable")
"""


@pytest.fixture
def with_misfit(tmp_path):
    """Runs the command with a tensorflow-serving-api that does not fit; returns what it printed."""
    folder = tmp_path / "packages" / "tensorflow_serving"
    (installed,) = importlib.util.find_spec("tensorflow_serving").submodule_search_locations
    shutil.copytree(installed, folder)
    services = [*folder.glob("apis/*_service_pb2.py")]
    assert len(services) > 1
    for service in services:
        service.write_text(MISFIT)
    path = {"PYTHONPATH": str(folder.parent)}

    def run(*arguments, status):
        done = subprocess.run(
            [sys.executable, "-m", "lifelong.commands.main", *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env={**os.environ, **path},
        )
        assert done.returncode == status, done.stderr
        return done.stdout + done.stderr

    return run


@pytest.mark.slow
@pytest.mark.parametrize("command", ["serve", "run"])
def test_a_serving_api_that_does_not_load_is_told_in_a_sentence(command, with_misfit, tmp_path):
    option = {"serve": "--base_path", "run": "--workdir"}[command]
    said = with_misfit(command, option, str(tmp_path), status=1)
    release = ".".join(version("tensorflow").split(".")[:2])
    assert (
        f"lifelong {command}: tensorflow-serving-api {version('tensorflow-serving-api')} does not load "
        f"beside protobuf {version('protobuf')} (attribute 'has_options' of 'FileDescriptor' objects is "
        f"not writable); run: pip install --no-deps 'tensorflow-serving-api=={release}.*'\n"
    ) in said
    assert "Traceback" not in said


def test_commands_that_need_no_serving_api_work_with_one_that_does_not_load(with_misfit):
    assert "staleness" in with_misfit("--help", status=0)
    assert "max_message_bytes" in with_misfit("serve", "--help", status=0)


def test_commands_have_help_with_the_parser_alone(tmp_path):
    heavy = set(EXTRAS) - {"jsonargparse", "yaml"} | {"tensorflow", "keras"}
    code = "from lifelong.commands.main import main; main(['--help'])"
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT.format(missing=heavy, code=code)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(tmp_path),
    )
    assert done.returncode == 0, done.stderr
    assert "staleness" in done.stdout


def test_the_modules_that_extras_name_exist_here():
    assert all(importlib.util.find_spec(module) for module in EXTRAS)

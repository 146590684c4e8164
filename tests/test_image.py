"""The container image, as far as it can be checked without docker: its steps that need no root run.

It is that of the platform at hand, by the arguments that the Dockerfile tells.
"""

import json
import os
import re
import shutil
import string
import subprocess
import sys
import sysconfig
from importlib.metadata import distributions
from pathlib import Path

import dockerfile
import pytest
from docker.utils import exclude_paths
from packaging.requirements import Requirement

from tests.end_to_end.spec_walk import Task
from tests.test_dependencies import OURS, PROJECT, normal
from tests.test_imports import BELOW, ROOT

COMMANDS = dockerfile.parse_file(str(ROOT / "Dockerfile"))
TEXT = (ROOT / "Dockerfile").read_text()
DEFAULTS = dict(
    command.value[0].split("=")
    for command in COMMANDS[: [command.cmd for command in COMMANDS].index("FROM")]
)
(OLDER,) = (
    dict(re.findall(r"--build-arg (\w+)=(\S+)", line))
    for line in TEXT.splitlines()
    if "--build-arg TFX=" in line
)
PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
IS_OLDER = OLDER["PYTHON"] == PYTHON
# The current platform runs on several Pythons.
ARGUMENTS = OLDER if IS_OLDER else DEFAULTS | {"PYTHON": PYTHON}
LISTS = {name: ROOT / "constraints" / f"tfx-{name}.txt" for name in (DEFAULTS["TFX"], OLDER["TFX"])}
PINNED = LISTS[ARGUMENTS["TFX"]]
LEFT_OUT = ROOT / "constraints" / "not-in-image.txt"
# Declared by a package of the image, but left out of it, with all that nothing else needs.
NEVER_LOADED = {"libclang", "widgetsnbextension", "jupyterlab-widgets"}
# Where the image has what the build installs.
PLACE = "/opt/"


def lines(path):
    return [line for line in path.read_text().splitlines() if line and not line.startswith("#")]


def pinned(path=PINNED):
    """Versions by name, of what a list has for this Python."""
    asked = [Requirement(line) for line in lines(path)]
    return {
        normal(it.name): str(it.specifier).removeprefix("==")
        for it in asked
        if it.marker is None or it.marker.evaluate()
    }


def left_out():
    return {normal(name) for name in lines(LEFT_OUT)}


def stages():
    """Commands of the stages by name, those of the image that a stage starts from included."""
    found = {}
    stage = []
    for command in COMMANDS:
        if command.cmd == "FROM":
            image, *name = command.value
            stage = found[name[1] if name else ""] = [*found.get(image, []), command]
        else:
            stage.append(command)
    return found


def started_from(stage):
    """The image that a stage starts from."""
    return string.Template(values(stage, "FROM")[0][0]).substitute(ARGUMENTS)


def values(stage, cmd):
    return [command.value for command in stages()[stage] if command.cmd == cmd]


def environment(stage):
    pairs = [text for value in values(stage, "ENV") for text in value]
    return dict(zip(pairs[::2], pairs[1::2], strict=True))


def context():
    """Files of the repository that docker sends to the builder, by their path in it."""
    found = exclude_paths(str(ROOT), lines(ROOT / ".dockerignore"))
    return {Path(path) for path in found if (ROOT / path).is_file()}


def copies(stage):
    """Where the `COPY` lines of a stage take from, what, and where to."""
    for command in stages()[stage]:
        if command.cmd == "COPY":
            *sources, target = command.value
            (image,) = [flag.removeprefix("--from=") for flag in command.flags] or [""]
            yield image, sources, target


def run_steps(stage):
    """What the `RUN` steps of a stage run, by their first word."""
    return [(value[0].split()[0], value[0]) for value in values(stage, "RUN")]


def test_the_older_set_is_told_by_the_same_arguments():
    assert OLDER.keys() == DEFAULTS.keys()
    assert [name for name, value in OLDER.items() if value == DEFAULTS[name]] == []
    for path in LISTS.values():
        assert path.is_file()


def test_both_stages_start_from_the_same_python():
    assert started_from("base") == f"python:{PYTHON}-slim-{ARGUMENTS['DEBIAN']}"
    images = [command.value[0] for command in COMMANDS if command.cmd == "FROM"]
    assert images[-2:] == ["base", "base"]
    # Wheels of the current platform need a newer glibc than Debian 12 has.
    assert DEFAULTS["DEBIAN"] == "trixie"
    low, high = re.search(r"Python (\S+) to (\S+),", LISTS[DEFAULTS["TFX"]].read_text()).groups()
    minor = int(DEFAULTS["PYTHON"].split(".")[1])
    assert int(low.split(".")[1]) <= minor <= int(high.split(".")[1])


def test_beams_entry_point_is_of_the_pinned_version():
    assert [image for image, _, _ in copies("") if image != "build"] == ["beam"]
    assert started_from("beam") == f"apache/beam_python{PYTHON}_sdk:{pinned()['apache-beam']}"
    (entry,) = values("", "ENTRYPOINT")
    assert entry == ("/opt/apache/beam/boot",)
    assert environment("")["RUN_PYTHON_SDK_IN_DEFAULT_ENVIRONMENT"] == "1"


def test_uv_is_that_of_the_set_up():
    (version,) = re.findall(r"uv==(\S+)", " ".join(step for _, step in run_steps("build")))
    assert f"uv_version={version}\n" in (PINNED.parent / "setup_venv.sh").read_text()


def test_the_user_is_a_number_that_is_not_root():
    # Kubernetes cannot tell of a name whether it is root's.
    (user,) = values("", "USER")
    assert int(user[0]) > 0
    assert any(f"useradd --uid {user[0]} " in step for _, step in run_steps(""))
    kinds = [command.cmd for command in COMMANDS]
    assert kinds.index("USER") > max(i for i, kind in enumerate(kinds) if kind == "RUN")


def test_bytecode_is_compiled_when_the_image_is_built():
    assert environment("build")["UV_COMPILE_BYTECODE"] == "1"


def test_the_variables_of_tasks():
    variables = environment("")
    assert variables["TF_USE_LEGACY_KERAS"] == "1"
    assert variables["PYTHONUNBUFFERED"] == "1"
    assert variables["HOME"] == "/tmp"
    assert variables["PATH"] == f"{environment('build')['VIRTUAL_ENV']}/bin:$PATH"


def test_steps_are_of_known_kinds():
    """Those of `uv` are run below, the others are for root and have nothing to test."""
    assert [kind for kind, _ in run_steps("build")] == ["apt-get", "pip", "uv", "uv"]
    assert [kind for kind, _ in run_steps("")] == ["apt-get", "useradd"]


def test_what_is_copied_is_there():
    for image, sources, target in copies("build"):
        assert not image
        for source in sources:
            assert any(path.is_relative_to(source) for path in context()), source
        assert [target] == sources
    assert [(sources, target) for image, sources, target in copies("") if image == "build"] == [
        (["/opt/lifelong"], "/opt/lifelong")
    ]


def test_the_builder_gets_the_code_and_no_more():
    folders = {path.parts[0] for path in context() if len(path.parts) > 1}
    assert folders == {*BELOW, "constraints"}
    files = {path.name for path in context() if len(path.parts) == 1}
    assert {"pyproject.toml", "setup.py", PROJECT["readme"]} <= files
    assert {f"{module}.py" for module in OURS - {"lifelong"}} <= files
    assert not any("__pycache__" in path.parts for path in context())
    for folder in BELOW:
        here = {path.relative_to(ROOT) for path in (ROOT / folder).rglob("*.py")}
        assert here <= context()


def needed(requirements):
    """Names of what is asked for, and of all that this brings, as it is installed here."""
    installed = {normal(found.metadata["Name"]): found for found in distributions()}
    seen, todo = set(), [(text, "") for text in requirements]
    while todo:
        text, of_extra = todo.pop()
        requirement = Requirement(text)
        name = normal(requirement.name)
        asked = requirement.marker is None or requirement.marker.evaluate({"extra": of_extra})
        if not asked or name in NEVER_LOADED | {"lifelong"}:
            continue
        for extra in {"", *requirement.extras} - {extra for found, extra in seen if found == name}:
            seen.add((name, extra))
            todo += [(text, extra) for text in installed[name].requires or []]
    return {name for name, _ in seen}


def kept():
    """What code of the image needs, of the pinned list."""
    extras = {**PROJECT["optional-dependencies"], "": PROJECT["dependencies"]}
    asked = [text for extra, texts in extras.items() if extra != "dev" for text in texts]
    # pip comes with every environment; ipywidgets loads ipykernel without asking for it.
    return needed([*asked, *({"ipykernel", "pip"} & pinned().keys())])


def test_nothing_that_is_needed_is_left_out():
    assert sorted(left_out() & kept()) == []


# Names are left out of both images, so that one keeps what only the other needs. Of the current one's
# that is known:
KEPT_FOR_OLDER = {"jsonschema", "jsonschema-specifications", "referencing", "rpds-py"}


def test_what_no_extra_but_that_of_development_needs_is_left_out():
    unneeded = pinned().keys() - kept() - left_out()
    if IS_OLDER:
        assert sorted(unneeded - pinned(LISTS[DEFAULTS["TFX"]]).keys()) == []
        assert sorted(KEPT_FOR_OLDER - kept()) == []
    else:
        assert sorted(unneeded - KEPT_FOR_OLDER) == []


def test_what_is_left_out_is_in_a_list():
    known = {normal(Requirement(line).name) for path in LISTS.values() for line in lines(path)}
    assert sorted(left_out() - known) == []
    assert len(lines(LEFT_OUT)) == len(left_out())


@pytest.fixture
def programs(tmp_path):
    """A folder with the programs that `make image` needs, docker not among them."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sed", "sh"):
        (folder / name).symlink_to(shutil.which(name))
    return folder


def make_image(programs, *arguments):
    return subprocess.run(
        [shutil.which("make"), "image", *arguments],
        cwd=ROOT,
        env={"PATH": str(programs)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_make_image_says_that_it_needs_docker(programs):
    done = make_image(programs)
    assert done.returncode != 0
    assert "docker is not on the PATH" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "name"),
    [([], f"lifelong:{PROJECT['version']}"), (["IMAGE=shop/ctr:7"], "shop/ctr:7")],
)
def test_make_image_builds_it_under_its_name(arguments, name, programs):
    (programs / "docker").write_text('#!/bin/sh\necho "got $*"\n')
    (programs / "docker").chmod(0o755)
    assert make_image(programs, *arguments).stdout.endswith(f"got build --tag {name} .\n")


def find_uv():
    """The uv of the set-up, or that of the PATH."""
    path = os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])
    return shutil.which("uv", path=path) or pytest.skip("the image is built with uv; install it")


class Place:
    """A folder that stands for `/opt` of the image."""

    def __init__(self, root):
        self.root = root
        self.variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        self.work = root
        # What the base image and pip bring. (UV_PYTHON would be installed into itself.)
        self.variables.pop("UV_PYTHON", None)
        programs = root / "bin"
        programs.mkdir()
        (programs / "uv").symlink_to(find_uv())
        (programs / "python").write_text(
            f'#!/bin/sh\nexec {os.path.realpath(sys.executable)} "$@"\n'
        )
        (programs / "python").chmod(0o755)
        self.variables["PATH"] = f"{programs}{os.pathsep}{os.environ['PATH']}"

    def here(self, text):
        return text.replace(PLACE, f"{self.root}{PLACE}")

    def build(self):
        for command in stages()["build"]:
            if command.cmd == "ENV":
                for name, value in zip(command.value[::2], command.value[1::2], strict=True):
                    value = string.Template(self.here(value)).substitute(self.variables)
                    self.variables[name] = value
                # All of it takes longer than what is imported here.
                self.variables["UV_COMPILE_BYTECODE"] = "0"
            elif command.cmd == "ARG":
                (name,) = command.value
                if name in ARGUMENTS:
                    self.variables[name] = ARGUMENTS[name]
            elif command.cmd == "WORKDIR":
                self.work = Path(self.here(command.value[0]))
                self.work.mkdir(parents=True)
            elif command.cmd == "COPY":
                self.copy(*command.value)
            elif command.cmd == "RUN" and command.value[0].split()[0] == "uv":
                self.run(["sh", "-c", self.here(command.value[0])], self.variables, self.work)

    def copy(self, source, target):
        for path in context():
            if path.is_relative_to(source):
                copied = self.work / target / path.relative_to(source)
                copied.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / path, copied)

    def start(self, command, folder):
        """Starts what a container would, with nothing of the variables of this process."""
        variables = {name: self.here(value) for name, value in environment("").items()}
        variables["PATH"] = string.Template(variables["PATH"]).substitute(PATH="/usr/bin:/bin")
        return self.run(command, {**variables, "HOME": str(folder)}, folder)

    def run(self, command, variables, folder):
        done = subprocess.run(
            command, env=variables, cwd=folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}: {done.stdout[-2000:]}{done.stderr[-4000:]}"
        return done.stdout


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    place = Place(tmp_path_factory.mktemp("image"))
    place.build()
    yield place
    shutil.rmtree(place.root)


CONFIG = """
data: {behaviors: {files: /data/a.csv}, splits: {by: user}}
store: {destination: /data/store}
pipeline_root: /data/artifacts
serving_folder: /models
image: shop/lifelong:1
"""
# All modules of ours, as tasks and commands import them.
IMPORTS = f"""
import importlib, pkgutil
import google.cloud.aiplatform, kfp, lifelong_artifacts
for room in {sorted(BELOW)}:
    package = importlib.import_module("lifelong." + room)
    for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        importlib.import_module(found.name)
    print(package.__file__)
"""


@pytest.mark.slow
def test_the_environment_of_the_image_has_all_but_what_is_left_out(image):
    code = (
        "import importlib.metadata as m; print(*(it.metadata['Name'] for it in m.distributions()))"
    )
    installed = {normal(name) for name in image.start(["python", "-c", code], image.root).split()}
    assert installed - {"setuptools", "wheel"} == (
        pinned().keys() - left_out() - {"setuptools", "wheel"} | {"lifelong", "pip"}
    )


@pytest.mark.slow
def test_every_module_is_found_and_imported_in_the_image(image, tmp_path):
    for path in image.start(["python", "-c", IMPORTS], tmp_path).split():
        assert Path(path).is_relative_to(image.here("/opt/lifelong"))


@pytest.mark.slow
def test_the_command_runs_in_the_image(image, tmp_path):
    assert "staleness" in image.start(["lifelong", "--help"], tmp_path)


@pytest.mark.slow
def test_a_task_runs_in_the_image(image, tmp_path):
    """With the command of its container, in an environment that has nothing of the repository."""
    (tmp_path / "pipeline.yaml").write_text(CONFIG)
    image.start(
        ["lifelong", "compile", "--config", "pipeline.yaml", "--target", "vertex"], tmp_path
    )
    spec = json.loads((tmp_path / "compiled_pipeline.json").read_text())["pipelineSpec"]
    task = Task(spec, "CuratedSchema", {}, {}, tmp_path / "task")
    image.start(task.command, tmp_path)
    assert "history_item" in (tmp_path / "task" / "schema" / "schema.pbtxt").read_text()

import nbformat
import pytest

from tests.notebooks.executed import NOTEBOOKS

FILES = sorted(NOTEBOOKS.glob("*.ipynb"))


def test_there_are_four():
    assert [path.name[0] for path in FILES] == ["1", "2", "3", "4"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_nothing_of_an_execution_is_kept(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook.cells:
        assert not cell.metadata, cell.source
        if cell.cell_type == "code":
            assert cell.outputs == [], cell.source
            assert cell.execution_count is None, cell.source


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_begins_with_what_it_needs_and_how_long_it_takes(path):
    first = nbformat.read(path, as_version=4).cells[0].source
    assert first.startswith("# ")
    for said in ("| needs | `pip install", "| takes | ", "| writes | "):
        assert said in first


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_overview_names_it(path):
    assert f"({path.name})" in (NOTEBOOKS / "README.md").read_text()

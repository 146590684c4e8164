"""Runs the notebooks as they are, in kernels of their own."""

import json
from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


def execute(name, folder, shown):
    """Runs a notebook with the environment of this process.

    Args:
        name: The notebook's file, without its suffix.
        folder: Where it runs.
        shown: A Python expression over what the notebook has defined.

    Returns:
        The value of the expression, by way of JSON.

    Raises:
        CellExecutionError: If a cell failed.
    """
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    told = nbformat.v4.new_code_cell(f"import json\nprint(json.dumps({shown}))")
    notebook.cells.append(told)
    NotebookClient(notebook, resources={"metadata": {"path": folder}}).execute()
    # The expression may have printed something, too.
    printed = "".join(it.text for it in notebook.cells[-1].outputs if it.get("name") == "stdout")
    return json.loads(printed.splitlines()[-1])

"""What holds for the code as a whole: which room knows which, and that a page loads nothing from elsewhere."""

import ast
import json
import re
from pathlib import Path

import pytest

import explorer

PACKAGE = Path(explorer.__file__).parent
ROOT = PACKAGE.parent
FILES = sorted(PACKAGE.rglob("*.py"))
WIDGETS = [path for path in FILES if path.parent.name == "widgets" and path.stem not in ("__init__", "view")]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PAGES = [path for path in sorted(PACKAGE.rglob("*")) if path.suffix in {".js", ".css", ".j2", ".html"}]
# Who may know whom: each room only those of lower rank, and itself. What starts everything (cli, serving, ...) stands above.
RANKS = {
    "errors": 0,
    "locale": 0,
    "disk": 0,
    "keras_home": 0,
    "values": 0,
    "catalog": 1,
    "rendering": 1,
    "ticks": 1,
    "parts": 0,
    "folders": 1,
    "layouts": 2,
    "amounts": 2,
    "options": 2,
    "layer_names": 1,
    "plan": 2,
    "keras_lines": 3,
    "progress": 2,
    "looking": 0,
    "accuracy_plot": 3,
    "curves": 3,
    "drops": 3,
    "recipe_form": 3,
    "runs": 3,
    "backend": 4,
    "worker": 5,
    "asking": 6,
    "opening": 7,
    "session": 8,
    "workbench": 9,
    "listening": 9,
    "sliding": 9,
    "tuning": 9,
    "collecting": 10,
    "trainings": 10,
    "aftermath": 11,
    "widgets": 12,
    "dashboards": 13,
    "connections": 0,
    "inward": 0,
    "door": 13,
    "kernels": 14,
    "server": 15,
    "serving": 16,
    "cli_printing": 13,
    "cli_files": 14,
    "cli_streams": 14,
    "cli_network": 15,
    "cli_output": 14,
    "cli_run": 14,
    "cli_training": 16,
    "cli_tune": 17,
    "cli_weights": 16,
    "cli": 18,
    "__init__": 19,
    "__main__": 19,
}
STATES = ("asking", "opening", "session", "workbench", "listening", "sliding", "tuning", "collecting", "trainings", "aftermath")
ELSEWHERE = re.compile(
    r"""https?://[^\s"')]*(cdn|unpkg|jsdelivr|esm\.sh|skypack|cloudflare|googleapis|gstatic)|from\s*["']https?:|import\s*\(?["']https?:"""
)


def name_of(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports(path, only_at_module_level=False):
    """Return the full names that a file imports, wherever in it they are imported."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = set()
    for node in tree.body if only_at_module_level else ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def imports_of(path, *packages):
    return {name for name in imports(path) if any(f"{name}.".startswith(f"{package}.") for package in packages)}


def room(name):
    """Return the room of a module or of a name in it: `backend` of `explorer.backend.images.read`."""
    return [*name.split("."), "__init__"][1]


def test_the_rooms_are_known():
    assert {room(name_of(path)) for path in FILES} == set(RANKS)


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_keras_is_imported_in_the_backend_only(path):
    if room(name_of(path)) != "backend":
        assert not imports_of(path, "keras", "tensorflow", "h5py", "torch", "jax")


@pytest.mark.parametrize("path", [path for path in FILES if room(name_of(path)) == "backend"], ids=name_of)
def test_the_backend_knows_no_page(path):
    assert not imports_of(path, "ipywidgets", "anywidget", "traitlets", "IPython", "ipykernel", "voila")
    assert not imports_of(path, "explorer.worker", "explorer.session", "explorer.widgets", "explorer.dashboards")


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_imports_run_one_way(path):
    own = room(name_of(path))
    for name in imports_of(path, "explorer") - {"explorer.__version__"}:
        other = room(name)
        assert other == own or RANKS[other] < RANKS[own] or RANKS[own] == 0 == RANKS[other], f"{own} imports {name}"


@pytest.mark.parametrize("path", WIDGETS, ids=name_of)
def test_views_know_no_other_view(path):
    assert {name.split(".")[2] for name in imports_of(path, "explorer.widgets")} == {"view"}


@pytest.mark.parametrize("path", WIDGETS, ids=name_of)
def test_views_know_no_backend(path):
    assert not imports_of(path, "explorer.backend", "explorer.worker")


@pytest.mark.parametrize(
    "name", ["asking", "opening", "session", "workbench", "listening", "sliding", "tuning", "collecting", "trainings", "aftermath"]
)
def test_the_state_of_a_page_knows_neither_backend_nor_widgets(name):
    state = PACKAGE / f"{name}.py"
    assert not any(one.startswith("explorer.backend") for one in imports(state, only_at_module_level=True))
    assert not imports_of(state, "ipywidgets", "anywidget", "explorer.widgets", "explorer.rendering")


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_pyplot_is_left_to_others(path):
    assert not imports_of(path, "matplotlib.pyplot", "pylab")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_saved_without_outputs(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    assert cells
    for cell in cells:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


def test_there_are_notebooks_and_pages_to_look_at():
    assert NOTEBOOKS
    assert {path.suffix for path in PAGES} >= {".js", ".css", ".j2"}


@pytest.mark.parametrize("path", [*PAGES, *NOTEBOOKS], ids=lambda path: path.name)
def test_pages_load_nothing_from_elsewhere(path):
    found = ELSEWHERE.search(path.read_text(encoding="utf-8"))
    assert not found, found[0]


@pytest.mark.parametrize("path", [path for path in PAGES if path.suffix == ".css"], ids=lambda path: path.name)
def test_styles_load_no_other_files(path):
    assert not re.search(r"@import|url\(\s*[\"']?https?:", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", WIDGETS, ids=name_of)
def test_every_view_has_its_script_beside_it(path):
    assert path.with_suffix(".js").is_file()

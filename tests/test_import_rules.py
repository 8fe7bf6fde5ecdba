"""What holds for the code as a whole: which folder may import which, how long a file may be, and that pages load nothing from elsewhere."""

import ast
import json
import re
from functools import cache
from pathlib import Path

import explorer

PACKAGE = Path(explorer.__file__).parent
ROOT = PACKAGE.parent
FILES = sorted(PACKAGE.rglob("*.py"))
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PAGES = [path for path in sorted(PACKAGE.rglob("*")) if path.suffix in {".js", ".css", ".j2", ".html"}]
GROUND = {"errors", "locale", "disk"}  # what everything may import
STATE = {"worker", "values", "catalog", "recipe"}
# What the modules of a folder may import besides the ground and each other.
MAY_IMPORT = {
    "errors": set(),
    "locale": set(),
    "disk": set(),
    "values": set(),
    "catalog": {"values"},
    "dataset_layout": {"values"},
    "recipe": {"values"},
    "rendering": {"values", "catalog"},
    "runs": {"values", "catalog", "recipe"},
    "backend": {"values", "catalog", "dataset_layout", "recipe", "rendering", "runs", "__init__"},
    "worker": {"values"},
    "state": STATE,
    "widgets": {"state", "rendering", "dataset_layout", "catalog", "recipe", "values"},
    "dashboards": {"widgets", "state", "catalog"},
    "cli": {"backend", "catalog", "dashboards", "recipe", "rendering", "runs", "values", "__init__"},
    "__main__": {"cli"},
    "__init__": {"backend", "catalog", "dashboards", "runs", "state", "values", "widgets", "worker"},
}
# Inside the backend each part knows those of the lines before, and itself.
BACKEND = (
    {"runtime"},
    {"weights"},
    {"graph"},
    {"models", "inputs"},
    {"inference"},
    {"evaluation"},
    {"architectures", "datasets"},
    {"network_inputs"},
    {"network_state"},
    {"network_layers"},
    {"network_predictions"},
    {"network_audio", "network_files"},
    {"network"},
    {"loading"},
    {"fine_tuning"},
    {"service_networks"},
    {"service_fine_tuning"},
    {"service"},
)
# Inside the widgets: what a view may import of them.
VIEWS = {"base": set(), "explore": {"base"}, "audio": {"base"}, "fine_tuning": {"base"}}
HEAVY = ("keras", "tensorflow", "h5py", "torch", "jax")
PAGE = ("ipywidgets", "anywidget", "traitlets", "IPython", "ipykernel", "voila")
ELSEWHERE = re.compile(
    r"""https?://[^\s"')]*(cdn|unpkg|jsdelivr|esm\.sh|skypack|cloudflare|googleapis|gstatic)|from\s*["']https?:|import\s*\(?["']https?:"""
)


def name_of(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@cache
def imports(path, only_at_module_level=False):
    """Return the full names that a file imports, wherever in it they are imported."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = set()
    for node in tree.body if only_at_module_level else ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{'.' * node.level}{node.module}.{alias.name}" for alias in node.names}
    return names


def imports_of(path, *packages):
    return {name for name in imports(path) if any(f"{name}.".startswith(f"{package}.") for package in packages)}


def folder(name, depth=1):
    """Return the part of the package that a module, or a name in it, belongs to: `backend` of `explorer.backend.inputs.images`."""
    return [*name.split("."), *["__init__"] * depth][depth]


def offenders(wrong, files=FILES):
    """Return "module imports name" for each import that is `wrong(module, name)`."""
    return [f"{name_of(path)} imports {name}" for path in files for name in sorted(imports(path)) if wrong(name_of(path), name)]


def in_folder(*folders):
    return [path for path in FILES if folder(name_of(path)) in folders]


def test_every_folder_has_its_rule():
    assert {folder(name_of(path)) for path in FILES} == set(MAY_IMPORT)


def test_imports_run_one_way():
    def wrong(own, name):
        own, other = folder(own), folder(name)
        return name.startswith("explorer.") and other not in MAY_IMPORT[own] | GROUND | {own} and name != "explorer.__version__"

    assert not offenders(wrong)


def test_the_rules_allow_no_circle():
    seen = []
    while len(seen) < len(MAY_IMPORT):
        free = [own for own, others in MAY_IMPORT.items() if own not in seen and others - {"__init__"} <= {*seen, own}]
        assert free, set(MAY_IMPORT) - set(seen)
        seen += free


def test_the_parts_of_the_backend_import_those_below_them():
    level = {part: number for number, parts in enumerate(BACKEND) for part in parts} | {"__init__": len(BACKEND)}

    def wrong(own, name):
        own, other = folder(own, 2), folder(name, 2)
        return name.startswith("explorer.backend.") and own != other and level[own] <= level[other]

    assert not offenders(wrong, in_folder("backend"))


def test_a_view_imports_no_other_view():
    def wrong(own, name):
        own, other = own.split("."), name.split(".")
        return name.startswith("explorer.widgets.") and other[2] not in VIEWS[own[2]] | ({own[2]} if other[3] == own[3] else set())

    assert not offenders(wrong, [path for path in in_folder("widgets") if path.parent.name in VIEWS and path.parent.name != "base"])


def test_keras_is_imported_in_the_backend_only():
    others = [path for path in FILES if folder(name_of(path)) != "backend"]
    assert not offenders(lambda _own, name: name.split(".")[0] in HEAVY, others)


def test_the_backend_knows_no_page():
    assert not offenders(lambda _own, name: name.split(".")[0] in PAGE, in_folder("backend"))


def test_the_state_of_a_page_knows_no_widgets():
    assert not offenders(lambda _own, name: name.split(".")[0] in ("ipywidgets", "anywidget", "PIL", "matplotlib"), in_folder("state"))


def test_pyplot_is_left_to_others():
    assert not offenders(lambda _own, name: name.startswith(("matplotlib.pyplot", "pylab")))


def test_nothing_is_imported_relatively():
    assert not offenders(lambda _own, name: name.startswith("."))


def test_no_file_is_over_300_lines():
    files = [*FILES, *(path for path in sorted(PACKAGE.rglob("*.js")) if path.parent.name != "bundles")]
    lengths = {path.relative_to(PACKAGE).as_posix(): len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert not {name: lines for name, lines in lengths.items() if lines > 300}


def code_of(function):
    """Return the statements of a function but its docstring; none where it does nothing but return data."""
    body = function.body[ast.get_docstring(function) is not None :]
    data = len(body) == 1 and isinstance(body[0], ast.Return) and isinstance(body[0].value, ast.Dict | ast.List | ast.Tuple | ast.Set)
    return [] if data else body


def test_no_function_is_over_50_lines():
    functions = [
        (name_of(path), node)
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and code_of(node)
    ]
    lengths = {f"{name}.{node.name}": code_of(node)[-1].end_lineno - code_of(node)[0].lineno + 1 for name, node in functions}
    assert len(lengths) > 1000
    assert not {name: lines for name, lines in lengths.items() if lines > 50}


def test_notebooks_are_saved_without_outputs():
    saved = {path.name: json.loads(path.read_text(encoding="utf-8"))["cells"] for path in NOTEBOOKS}
    assert saved
    assert all(saved.values())
    assert not [name for name, cells in saved.items() for cell in cells if cell.get("outputs") or cell.get("execution_count") is not None]


def test_pages_load_nothing_from_elsewhere():
    assert NOTEBOOKS
    assert {path.suffix for path in PAGES} >= {".js", ".css", ".j2"}
    texts = {path: path.read_text(encoding="utf-8") for path in (*PAGES, *NOTEBOOKS)}
    assert not [(path.name, found[0]) for path, text in texts.items() if (found := ELSEWHERE.search(text))]
    styles = re.compile(r"@import|url\(\s*[\"']?https?:")
    assert not [path.name for path, text in texts.items() if path.suffix == ".css" and styles.search(text)]


def test_every_view_has_its_script_and_style_beside_it():
    views = [path for path in in_folder("widgets") if path.stem != "__init__" and path.parent.name != "base"]
    assert not [path for path in views for suffix in (".js", ".css") if not path.with_suffix(suffix).is_file()]
    bundles = {path.stem for path in (PACKAGE / "widgets" / "bundles").iterdir()}
    assert bundles == {path.stem for path in views}

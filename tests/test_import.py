import os
import subprocess
import sys

import pytest

import explorer

WITHOUT_TENSORFLOW = """
import sys
from importlib.machinery import PathFinder

class Without(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] == "tensorflow" else super().find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Without
"""


def python(code, **environment):
    """Run code in a fresh interpreter."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, env=os.environ | environment)


def loaded_by(code):
    """Return the modules that are loaded after `code` ran in a fresh interpreter."""
    done = python(f"{code}\nimport sys\nprint(*sys.modules, sep=',')")
    assert done.returncode == 0, done.stderr
    return set(done.stdout.strip().split(","))


def test_importing_explorer_imports_nothing_heavy():
    heavy = {"keras", "tensorflow", "numpy", "PIL", "matplotlib", "matplotlib.pyplot", "ipywidgets", "anywidget", "traitlets", "h5py"}
    assert not heavy & loaded_by("import explorer; dir(explorer); explorer.__version__")


def test_the_architectures_and_errors_need_no_keras_nor_does_what_says_that_a_name_or_an_option_is_wrong():
    heavy = {"keras", "tensorflow", "h5py", "matplotlib", "ipywidgets", "anywidget", "PIL"}
    tried = "\n".join(
        f"try: explorer.load({wrong})\nexcept explorer.ExplorerError as e: pass\nelse: raise SystemExit(1)"
        for wrong in ("'VGG17'", "'VGG16', classes=3", "'nowhere.keras'", "'VGG16', weights='nowhere.h5'", "'MobileNet', alpha=0.3")
    )
    assert not heavy & loaded_by(f"import explorer\nexplorer.architectures['VGG16'], explorer.ExplorerError, explorer.Layer\n{tried}")


def test_the_widgets_need_no_keras():
    heavy = {"keras", "tensorflow", "matplotlib.pyplot"}
    assert not heavy & loaded_by("import explorer; explorer.Explorer; explorer.Session; explorer.FeatureMapsView")


def test_dir_lists_the_public_names_and_each_of_them_is_there():
    assert dir(explorer) == sorted([*explorer.__all__, "__version__"])
    assert len(set(explorer.__all__)) == len(explorer.__all__)
    for name in dir(explorer):
        assert getattr(explorer, name) is not None
        assert getattr(getattr(explorer, name), "__name__", name) in (name, "str")


def test_everything_public_can_be_star_imported():
    names = {}
    exec("from explorer import *", names)
    assert names.keys() >= set(explorer.__all__)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'explorer' has no attribute 'nowhere'"):
        _ = explorer.nowhere
    assert not hasattr(explorer, "Keras")


def test_everything_public_says_what_it_is():
    for name in explorer.__all__:
        assert getattr(explorer, name).__doc__, name


def test_with_another_backend_loading_a_network_says_so_in_one_line():
    done = python(
        "import explorer\ntry: explorer.load('digits')\nexcept explorer.ExplorerError as e: print(type(e).__name__, e)", KERAS_BACKEND="jax"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "BackendMissing explorer runs Keras on TensorFlow; the backend 'jax' is not supported: set KERAS_BACKEND=tensorflow."
    ]


@pytest.mark.parametrize("command", [[], ["layers", "digits"]], ids=["dashboards", "layers"])
def test_without_tensorflow_the_command_says_in_one_line_what_to_install(command):
    done = python(
        f"{WITHOUT_TENSORFLOW}\nimport runpy\nsys.argv = ['explorer', *{command}]\nrunpy.run_module('explorer', run_name='__main__')"
    )
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("explorer: TensorFlow is not installed: pip install ")

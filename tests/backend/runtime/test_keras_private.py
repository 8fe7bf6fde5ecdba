"""What Keras does not promise to keep and explorer can't do without: all of it is there, and all of it is used in one file only."""

import ast
from pathlib import Path

import numpy as np
import pytest

import explorer
from explorer.backend.runtime import keras_private
from explorer.backend.runtime.keras import keras

PACKAGE = Path(explorer.__file__).parent
ROOT = PACKAGE.parent
PRIVATE = Path(keras_private.__file__)
HOME = PACKAGE / "backend"  # where Keras's objects are
OF_TESTS = ROOT / "tests" / "support" / "keras_settings.py"
OF_NAMEDTUPLES = {"_replace", "_fields", "_asdict"}  # underscored, and Python's own


@pytest.fixture(scope="module")
def model():
    """A small Functional model that has been trained for a moment, with a layer that is used twice and a nested model."""
    inside = [keras.layers.Dropout(0.5, name="drop"), keras.layers.Dense(4, name="inside")]
    x, twice = keras.Input((4,)), keras.layers.Dense(4, name="twice")
    model = keras.Model(x, keras.Sequential([keras.Input((4,)), *inside], name="inner")(twice(twice(x))))
    model.compile("sgd", "mse")
    model.fit(np.zeros((2, 4)), np.zeros((2, 4)), verbose=0)
    return model


# Each private name with how explorer finds it: where it is, and what must be there.
NAMES = {
    "keras.src.applications.efficientnet.file_utils": lambda _model: keras.src.applications.efficientnet.file_utils.get_file,
    "keras.src.applications.efficientnet.EfficientNetB0": lambda _model: keras.src.applications.efficientnet.EfficientNetB0,
    "Functional._nodes_by_depth": lambda model: model._nodes_by_depth[0][0],
    "Sequential._functional": lambda model: model.get_layer("inner")._functional._nodes_by_depth,
    "Operation._inbound_nodes": lambda model: model.get_layer("twice")._inbound_nodes[1],
    "Node.operation": lambda model: model.get_layer("twice")._inbound_nodes[0].operation,
    "Node.input_tensors": lambda model: model.get_layer("twice")._inbound_nodes[0].input_tensors[0].shape,
    "Node.output_tensors": lambda model: model.get_layer("twice")._inbound_nodes[0].output_tensors[0].shape,
    "Node.arguments": lambda model: model.get_layer("twice")._inbound_nodes[0].arguments.args[0].shape,
    "Node.is_input": lambda model: [node.is_input for node in model.layers[0]._inbound_nodes],
    "KerasTensor._keras_history.operation": lambda model: model.output._keras_history.operation,
    "KerasTensor._keras_history.node_index": lambda model: [model.output._keras_history.node_index],
    "KerasTensor._keras_history.tensor_index": lambda model: [model.output._keras_history.tensor_index],
    "Layer._flatten_layers": lambda model: [one for one in model._flatten_layers() if one.name == "inside"],
    "Layer._trainable_variables": lambda model: model.get_layer("twice")._trainable_variables,
    "Layer._call_has_training_arg": lambda model: model.get_layer("inner").get_layer("drop")._call_has_training_arg,
    "Optimizer._trainable_variables": lambda model: model.optimizer._trainable_variables,
    "Trainer._initial_epoch": lambda model: [model._initial_epoch],
}


def missing(model):
    """Return what Keras has no more, with what it says."""
    for name, find in NAMES.items():
        try:
            found = find(model)
        except (AttributeError, LookupError, TypeError) as error:
            yield name, str(error)
        else:
            if not found:
                yield name, "it is empty"


def test_keras_still_has_what_is_private(model):
    assert not (gone := dict(missing(model))), f"Keras {keras.__version__} has no {gone} any more: {PRIVATE.name} must find another way."


def underscored(tree):
    """Return the underscored attributes in a file's tree, got by a dot or by getattr and the like, but for a class's own."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and not (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")):
            names.add(node.attr)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("getattr", "hasattr", "setattr"):
            names |= {one.value for one in node.args[1:2] if isinstance(one, ast.Constant)}
    return {name for name in names if name.startswith("_") and not name.startswith("__")}


def parsed(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def knows_source(tree):
    """Whether a file names Keras's source: `keras.src`, or an import of it."""
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {f"{node.module}.{alias.name}" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
    of_keras = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr == "src"]
    return bool(of_keras) or any(f"{name}.".startswith("keras.src.") for name in imported)


def test_no_private_name_is_used_without_being_listed_here():
    listed = {part for name in NAMES for part in name.split(".") if part.startswith("_")}
    assert underscored(parsed(PRIVATE)) == listed


def test_the_rest_of_the_package_uses_no_private_name():
    trees = {path: parsed(path) for path in set(PACKAGE.rglob("*.py")) - {PRIVATE}}
    assert not [path for path, tree in trees.items() if knows_source(tree)]
    near = {path: underscored(tree) - OF_NAMEDTUPLES for path, tree in trees.items() if path.is_relative_to(HOME)}
    assert near
    assert not {path: names for path, names in near.items() if names}


def test_neither_do_tests_benchmarks_and_assets():
    private = underscored(parsed(PRIVATE)) | underscored(parsed(OF_TESTS))
    paths = [path for folder in ("tests", "benchmarks", "assets") for path in (ROOT / folder).rglob("*.py")]
    for path in set(paths) - {OF_TESTS, Path(__file__)}:
        tree = parsed(path)
        assert not knows_source(tree), path
        assert not underscored(tree) & private, path

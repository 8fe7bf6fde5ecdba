"""The legacy nodes of TensorFlow graphs (TensorFlowOpLayer) that TensorFlow 2.0 to 2.3 wrote into models, as functions.

Such a layer holds TensorFlow's own description of a node: an operation, its attributes, and which of its inputs are constants.
"""

from __future__ import annotations

import base64
import json
from typing import Any

Config = dict[str, Any]


def _same(space: str, names: str, *parameters: str) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Return operations whose functions have the same names: "Relu6" is nn.relu6."""
    return {name: (f"{space}{name.lower()}", parameters) for name in names.split()}


# Operation -> its function, and the function's parameters after the first, in the order of the operation's inputs.
_OPERATIONS: dict[str, tuple[str, tuple[str, ...]]] = {
    **_same("math.", "Abs Ceil Cos Erf Exp Floor Log Log1p Reciprocal Round Rsqrt Sigmoid Sign Sin Softplus Sqrt Square Tanh"),
    **_same("math.", "Add Equal FloorDiv FloorMod Greater Less Maximum Minimum Pow", "y"),
    **_same("math.reduce_", "All Any Max Mean Min Prod Sum", "axis"),
    **_same("nn.", "Elu Relu Relu6 Selu Softmax Softsign"),
    "AddV2": ("math.add", ("y",)),
    "Sub": ("math.subtract", ("y",)),
    "Mul": ("math.multiply", ("y",)),
    "RealDiv": ("math.truediv", ("y",)),
    "DivNoNan": ("math.divide_no_nan", ("y",)),
    "GreaterEqual": ("math.greater_equal", ("y",)),
    "SquaredDifference": ("math.squared_difference", ("y",)),
    "LogicalAnd": ("math.logical_and", ("y",)),
    "Neg": ("math.negative", ()),
    "LeakyRelu": ("nn.leaky_relu", ()),
    "LogSoftmax": ("nn.log_softmax", ()),
    "BiasAdd": ("nn.bias_add", ("bias",)),
    "MatMul": ("linalg.matmul", ("b",)),
    "BatchMatMulV2": ("linalg.matmul", ("b",)),
    "Reshape": ("reshape", ("shape",)),
    "ExpandDims": ("expand_dims", ("axis",)),
    "Squeeze": ("squeeze", ()),
    "Transpose": ("transpose", ("perm",)),
    "Cast": ("cast", ()),
    "Identity": ("identity", ()),
    "StopGradient": ("stop_gradient", ()),
    "ConcatV2": ("concat", ("axis",)),
    "Pack": ("stack", ()),
    "AddN": ("math.add_n", ()),
    "Tile": ("tile", ("multiples",)),
    "Pad": ("pad", ("paddings",)),
    "PadV2": ("pad", ("paddings", "constant_values")),
    "Slice": ("slice", ("begin", "size")),
    "StridedSlice": ("strided_slice", ("begin", "end", "strides")),
    "GatherV2": ("gather", ("indices", "axis")),
    "ReverseV2": ("reverse", ("axis",)),
    "Shape": ("shape", ()),
    "SelectV2": ("where", ("x", "y")),
    "ClipByValue": ("clip_by_value", ("clip_value_min", "clip_value_max")),
    "DepthToSpace": ("nn.depth_to_space", ()),
    "SpaceToDepth": ("nn.space_to_depth", ()),
}
_ATTRIBUTES = {  # attributes of the operations -> parameters of the functions; all others have no effect here
    **{name: name for name in ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask")},
    **{name: name for name in ("alpha", "axis", "block_size", "data_format", "transpose_a", "transpose_b")},
    "keep_dims": "keepdims",
    "squeeze_dims": "axis",
    "adj_x": "transpose_a",
    "adj_y": "transpose_b",
    "DstT": "dtype",
}
_TAKES_A_LIST = ("ConcatV2", "Pack", "AddN")
_TYPES = {
    "DT_FLOAT": "float32",
    "DT_DOUBLE": "float64",
    "DT_HALF": "float16",
    "DT_INT32": "int32",
    "DT_INT64": "int64",
    "DT_UINT8": "uint8",
}


def function_of(config: Config) -> str:
    """Return the function that a TensorFlowOpLayer calls ("math.truediv"); for an unknown operation "raw_ops." and its name."""
    operation = _node(config["node_def"])["op"]
    return _OPERATIONS[operation][0] if operation in _OPERATIONS else f"raw_ops.{operation}"


def arguments_of(config: Config, tensors: list[Any]) -> tuple[list[Any], Config]:
    """Return the positional and the keyword arguments with which a TensorFlowOpLayer calls its function, given its input tensors."""
    node = _node(config["node_def"])
    parameters = _OPERATIONS[node["op"]][1] if node["op"] in _OPERATIONS else ()
    keywords = {_ATTRIBUTES[name]: _attribute(value) for name, value in node.get("attr", {}).items() if name in _ATTRIBUTES and value}
    if keywords.get("axis") == []:  # of Squeeze: every axis of size 1
        del keywords["axis"]
    given = list(tensors)
    for position, value in sorted((int(position), value) for position, value in (config.get("constants") or {}).items()):
        given.insert(position, value)
    first = len(given) - len(parameters)
    keywords |= dict(zip(parameters, given[first:], strict=True))
    return [given[:first] if node["op"] in _TAKES_A_LIST else given[0]], keywords


def _node(written: Any) -> Config:
    """Return the description of a node, which some versions of TensorFlow wrote as JSON within the JSON."""
    return dict(written if isinstance(written, dict) else json.loads(written))


def _attribute(value: Config) -> Any:
    """Return the value of an attribute, given as protobuf's JSON: {kind: value}."""
    ((kind, content),) = value.items()
    if kind == "list":
        return [_attribute({item_kind: item}) for item_kind, items in content.items() for item in items]
    if kind == "s":
        return base64.b64decode(content).decode()
    return int(content) if kind == "i" else _TYPES.get(content, content) if kind == "type" else content

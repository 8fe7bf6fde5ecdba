"""ResNeXt-50 and -101 (32x4d), which Keras mentions in its guides but no longer builds (Xie et al., arXiv 1611.05431).

The layers are named as in keras-applications 1.0.8, which published the weights. Keras had no grouped convolution
then: a depthwise convolution and sums of its channels replaced it. Here it is one `Conv2D(groups=32)`, and `load_weights`
rearranges the kernels of those files.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from explorer.backend.inference.activation_cache import Array
from explorer.backend.models.archives import hdf5
from explorer.backend.runtime.keras import keras
from explorer.backend.runtime.refusals import reason
from explorer.errors import ExplorerError
from explorer.locale import _

GROUPS = 32
SMALLEST = 32  # pixels along a side, as in keras.applications


def ResNeXt50(  # noqa: N802  # named as Keras names its networks
    include_top: bool = True,
    weights: str | Path | None = None,
    input_tensor: Any = None,
    input_shape: tuple[int | None, ...] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "resnext50",
) -> Any:
    """Return ResNeXt-50 (32x4d) as a `keras.Model`; 25,097,128 parameters with its top and 1000 classes.

    Reads float32 pictures, (n, height, width, channels) or (n, channels, height, width) according to
    `keras.config.image_data_format()`, preprocessed by `preprocess_input`.

    include_top: whether to end with average pooling and the classifier "probs": (n, classes).
    weights: the path of a file for `load_weights`, or None for random weights.
    input_tensor: a Keras tensor to build on, instead of `input_shape`; the weights of the layers before it are unchanged.
    input_shape: without the batch axis; sides of at least 32 pixels, fixed if the top is included.
        None: 224 x 224 with the top, else any size.
    pooling: without the top: None for feature maps (n, height / 32, width / 32, 2048), "avg" or "max" for (n, 2048).
    classifier_activation: of the classifier; None for logits.
    Raises ExplorerError for invalid options and for a file that does not hold these weights.
    """
    return _build((3, 4, 6, 3), include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name)


def ResNeXt101(  # noqa: N802
    include_top: bool = True,
    weights: str | Path | None = None,
    input_tensor: Any = None,
    input_shape: tuple[int | None, ...] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "resnext101",
) -> Any:
    """Return ResNeXt-101 (32x4d); 44,315,560 parameters with its top and 1000 classes. Otherwise as `ResNeXt50`."""
    return _build((3, 4, 23, 3), include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name)


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Return RGB pixels of 0 to 255 scaled to 0 to 1 and normalised by ImageNet's mean and standard deviation; may modify `x`."""
    return keras.applications.imagenet_utils.preprocess_input(x, data_format=data_format, mode="torch")


def _build(
    blocks: tuple[int, ...],
    include_top: bool,
    weights: str | Path | None,
    input_tensor: Any,
    input_shape: tuple[int | None, ...] | None,
    pooling: str | None,
    classes: int,
    classifier_activation: Any,
    name: str,
) -> Any:
    if pooling not in (None, "avg", "max"):
        raise ExplorerError(_("pooling must be None, 'avg' or 'max', not {pooling!r}.").format(pooling=pooling))
    if input_tensor is not None and not keras.utils.is_keras_tensor(input_tensor):
        raise ExplorerError(_("input_tensor must be a Keras tensor, not {type}.").format(type=type(input_tensor).__name__))
    start = keras.Input(_checked(input_shape, include_top)) if input_tensor is None else input_tensor
    x = _stages(_stem(start), blocks)
    if include_top or pooling == "avg":
        x = keras.layers.GlobalAveragePooling2D(name="avg_pool")(x)
    elif pooling == "max":
        x = keras.layers.GlobalMaxPooling2D(name="max_pool")(x)
    if include_top:
        x = keras.layers.Dense(classes, activation=classifier_activation, name="probs")(x)
    if weights is not None:
        load_weights(keras.Model(start, x, name=name), weights)
    if input_tensor is None:
        return keras.Model(start, x, name=name)
    return keras.Model(keras.utils.get_source_inputs(input_tensor), x, name=name)


def _checked(shape: tuple[int | None, ...] | None, include_top: bool) -> tuple[int | None, ...]:
    """Return the input shape to build, checked by the rules of keras.applications, which are in its private code."""
    channels_first = keras.config.image_data_format() == "channels_first"
    if shape is None:
        side = 224 if include_top else None
        return (3, side, side) if channels_first else (side, side, 3)
    if len(shape) != 3:
        raise ExplorerError(_("input_shape must be three numbers, not {shape}.").format(shape=shape))
    sides = shape[1:] if channels_first else shape[:2]
    if any(side is not None and side < SMALLEST for side in sides):
        raise ExplorerError(
            _("input_shape must have sides of {smallest} pixels or more, not {shape}.").format(smallest=SMALLEST, shape=shape)
        )
    if include_top and None in shape:
        raise ExplorerError(
            _("input_shape must be fixed with include_top=True, not {shape}; open sizes need include_top=False.").format(shape=shape)
        )
    return shape


def _stem(x: Any) -> Any:
    x = keras.layers.ZeroPadding2D(3, name="conv1_pad")(x)
    x = keras.layers.Conv2D(64, 7, strides=2, use_bias=False, name="conv1_conv")(x)
    x = _normalised(x, "conv1_bn")
    x = keras.layers.Activation("relu", name="conv1_relu")(x)
    x = keras.layers.ZeroPadding2D(1, name="pool1_pad")(x)
    return keras.layers.MaxPooling2D(3, strides=2, name="pool1_pool")(x)


def _stages(x: Any, blocks: tuple[int, ...]) -> Any:
    for stage, count in enumerate(blocks):
        for block in range(1, count + 1):
            stride = 2 if stage > 0 and block == 1 else 1
            x = _block(x, f"conv{stage + 2}_block{block}", filters=128 * 2**stage, stride=stride, project=block == 1)
    return x


def _block(x: Any, name: str, filters: int, stride: int, project: bool) -> Any:
    """Return the block of figure 3c of the paper: 1 x 1, grouped 3 x 3, 1 x 1 to twice the filters, added to `x` or its projection."""
    layers, shortcut = keras.layers, x
    if project:
        shortcut = layers.Conv2D(2 * filters, 1, strides=stride, use_bias=False, name=f"{name}_0_conv")(x)
        shortcut = _normalised(shortcut, f"{name}_0_bn")
    x = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_1_conv")(x)
    x = _normalised(x, f"{name}_1_bn")
    x = layers.Activation("relu", name=f"{name}_1_relu")(x)
    x = layers.ZeroPadding2D(1, name=f"{name}_2_pad")(x)
    x = layers.Conv2D(filters, 3, strides=stride, groups=GROUPS, use_bias=False, name=f"{name}_2_conv")(x)
    x = _normalised(x, f"{name}_2_bn")
    x = layers.Activation("relu", name=f"{name}_2_relu")(x)
    x = layers.Conv2D(2 * filters, 1, use_bias=False, name=f"{name}_3_conv")(x)
    x = _normalised(x, f"{name}_3_bn")
    x = layers.Add(name=f"{name}_add")([shortcut, x])
    return layers.Activation("relu", name=f"{name}_out")(x)


def _normalised(x: Any, name: str) -> Any:
    axis = 1 if keras.config.image_data_format() == "channels_first" else -1
    return keras.layers.BatchNormalization(axis=axis, epsilon=1.001e-5, name=name)(x)


def load_weights(model: Any, path: str | Path) -> None:
    """Load a weights file into `model`.

    path: a legacy HDF5 file, of the published construction or of `model` itself, read by the names of the layers;
        or a file of `model` that Keras 3 saved (.weights.h5, .keras), read by Keras.
    Raises ExplorerError, naming the first layer that does not match; for a legacy file `model` is then unchanged.
    """
    path = Path(path)
    if not path.is_file():
        raise ExplorerError(_("There is no weights file {path}.").format(path=path))
    try:
        if not _load_legacy(model, path):
            model.load_weights(path)
    except Exception as error:  # h5py and Keras raise many kinds
        why = reason(error).rstrip(":")
        raise ExplorerError(_("{path} does not hold the weights of {name}: {why}.").format(path=path, name=model.name, why=why)) from error


def grouped_kernel(kernel: Array, groups: int) -> Array:
    """Return the kernel of a grouped convolution that is equivalent to the published construction.

    kernel: (rows, columns, channels, channels / groups) of a depthwise convolution. The construction sums, within
        each group, the outputs of the group's channels that have the same index in the last axis.
    Returns (rows, columns, channels / groups, channels).
    """
    rows, columns, channels, width = kernel.shape
    by_group = kernel.reshape(rows, columns, groups, channels // groups, width)
    return by_group.swapaxes(2, 3).reshape(rows, columns, channels // groups, groups * width)


def _load_legacy(model: Any, path: Path) -> bool:
    """Load a file in the format of Keras 2; return False for a file of another format."""
    if not h5py.is_hdf5(path):
        return False
    with hdf5(path, path.stat().st_size, path.name) as (file, _held):
        root = file.get("model_weights", file)  # in the file of a whole model they are one level down
        if "layer_names" not in root.attrs:
            return False
        saved = _datasets(root)
        fitted = [(layer, _arrays_for(layer, saved)) for layer in model.layers if layer.weights]
        if saved:
            raise ExplorerError(_("the network has no layer {name!r}").format(name=next(iter(saved))))
    for layer, arrays in fitted:
        layer.set_weights(arrays)
    return True


def _datasets(root: Any) -> dict[str, list[Any]]:
    """Return layer name -> its weights in their order, for a legacy file; layers without weights are left out."""
    weights = {}
    for name in map(_text, root.attrs["layer_names"]):
        datasets = [root[name][_text(weight)] for weight in root[name].attrs["weight_names"]]
        if datasets:
            weights[name] = datasets
    return weights


def _text(name: bytes | str) -> str:
    return name.decode() if isinstance(name, bytes) else name


def _arrays_for(layer: Any, saved: dict[str, list[Any]]) -> list[Array]:
    """Remove the weights of `layer` from `saved` and return them in the shapes of the layer."""
    if layer.name not in saved:
        raise ExplorerError(_("the layer {name!r} is missing").format(name=layer.name))
    datasets = saved.pop(layer.name)
    shapes, expected = [dataset.shape for dataset in datasets], [tuple(weight.shape) for weight in layer.weights]
    if shapes == expected:  # compared before anything is read: a file can claim any size
        return [dataset[()] for dataset in datasets]
    if isinstance(layer, keras.layers.Conv2D) and shapes == [_depthwise_shape(layer)]:
        if sums := saved.pop(f"{layer.name.removesuffix('conv')}gconv", None):
            _check_sums(layer, sums[0])
        return [grouped_kernel(datasets[0][()], layer.groups)]
    raise ExplorerError(
        _("the layer {name!r} has weights of the shapes {found}, not {wanted}").format(name=layer.name, found=shapes, wanted=expected)
    )


def _depthwise_shape(layer: Any) -> tuple[int, ...]:
    rows, columns, width, channels = layer.kernel.shape
    return (rows, columns, width * layer.groups, channels // layer.groups)


def _check_sums(layer: Any, dataset: Any) -> None:
    """Raise ExplorerError for a 1 x 1 convolution after the depthwise one that does more than sum, as in keras-applications after 1.0.8."""
    groups, width = layer.groups, layer.filters // layer.groups
    same_group, same_position = np.eye(groups).reshape(groups, 1, 1, groups, 1), np.eye(width).reshape(1, 1, width, 1, width)
    if dataset.shape == (1, 1, layer.filters * width, layer.filters):
        kernel = dataset[()].reshape(groups, width, width, groups, width)
        if np.array_equal(kernel, np.broadcast_to(same_group * same_position, kernel.shape)):
            return
    raise ExplorerError(
        _("the layer {name!r} does not just add up the channels of each group").format(name=f"{layer.name.removesuffix('conv')}gconv")
    )

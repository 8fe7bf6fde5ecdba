"""Input specs: what goes into a network and comes out, and how it reads examples: known for catalogued architectures, else guessed."""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import Any

from explorer.backend.graph.input_layers import Layout, layout_of, own_code_of, scaling_of
from explorer.backend.graph.nodes import has_graph, maker_of, nodes, output_addresses
from explorer.backend.graph.recognition import Recognised, recognised
from explorer.backend.runtime.keras import keras
from explorer.backend.runtime.keras_private import origin
from explorer.catalog import SPECTROGRAMS, Architecture
from explorer.errors import ExplorerError
from explorer.locale import _, counted
from explorer.values import InputSpec, TensorInfo, shape_text

SIDE = 224  # pixels a side of a picture where the network takes any size


def of_architecture(row: Architecture, model: Any, data_format: str, own_input: bool) -> InputSpec:
    """Return how a network of a catalogued architecture reads pictures or sound.

    own_input: whether it was built on a tensor of the user's own, which other layers may precede.
    """
    inputs = inputs_of(model)
    if row.input == "audio":
        return _audio_spec(row.preprocess_mode, inputs) if _reads_spectrogram(row.preprocess_mode, inputs) else InputSpec("arrays", inputs)
    layout = layout_of(model, 0, inputs[0]) if len(inputs) == 1 and len(inputs[0].shape) == 3 else None
    if layout is None or layout.data_format != data_format or layout.size[2] not in (1, 3):
        return of_model(model, None)  # such as four channels, or a vector that preceding layers turn into a picture
    size = _size_of(layout, row.input_size[0])
    if own_input and (scaling := scaling_of(model)):
        return InputSpec(row.input, inputs, scaling.preprocess_mode, data_format, size, known=(scaling.sentence,))
    if not _fits(row.preprocess_mode, size):
        note = _("{name} is made for colour pictures; grey pixels are scaled to 0 to 1.").format(name=row.name)
        return InputSpec(row.input, inputs, "unit", data_format, size, (note,))
    return InputSpec(row.input, inputs, row.preprocess_mode, data_format, size)


def of_model(model: Any, preprocess: str | None) -> InputSpec:
    """Return how a model of the user's own reads examples.

    preprocess: a named mode, "custom" for a function, None to guess; `assumed` says what was guessed.
    Raises ExplorerError where the shape of its inputs is unknown, and for a mode that doesn't fit them.
    """
    inputs = inputs_of(model)
    if preprocess in SPECTROGRAMS:
        return _named_audio_spec(model, str(preprocess), inputs)
    recognition = recognised(model) if preprocess is None else None
    if recognition and recognition.row.input == "audio" and _reads_spectrogram(recognition.preprocess_mode, inputs):
        note = _("It reads sound as {name} does, {why}.").format(name=recognition.row.name, why=_recognition_reason(recognition))
        return replace(_audio_spec(recognition.preprocess_mode, inputs), assumed=(note,))
    pictures = tuple(_picture_spec(model, index, tensor, preprocess, recognition) for index, tensor in enumerate(inputs))
    if len(inputs) == 1 and pictures[0] and len(inputs[0].shape) > 1:
        return replace(pictures[0], inputs=inputs)
    if preprocess is not None and (preprocess == "custom" or not any(pictures)):
        raise ExplorerError(_("preprocess is for pictures; the inputs of {name} are arrays.").format(name=model.name))
    return InputSpec("arrays", inputs, pictures=pictures if any(pictures) else ())


def _picture_spec(model: Any, index: int, tensor: TensorInfo, preprocess: str | None, recognition: Recognised | None) -> InputSpec | None:
    """Return how an input of the model reads a picture; None where it reads none."""
    layout = layout_of(model, index, tensor)
    if layout is None:
        return None
    size, assumed = _size_of(layout, SIDE), []
    known: tuple[str, ...] = ()
    if None in layout.size:
        assumed.append(_("It reads pictures of any size; they are resized to {side} x {side} pixels.").format(side=SIDE))
    if layout.guessed:
        assumed.append(_("The order of its axes is unknown: they are taken as height, width and channels."))
    if preprocess is None:
        scaling = scaling_of(model, index)
        if scaling:
            preprocess, known = scaling.preprocess_mode, (scaling.sentence,)
        else:
            preprocess, reason = _guessed_mode(model, index, tensor, size, recognition)
            assumed.append(reason)
    elif not _fits(preprocess, size):
        raise ExplorerError(
            _("preprocess={preprocess!r} is for pictures of {channels}; {name} reads {own}.").format(
                preprocess=preprocess, channels=_channels(1 if preprocess == "digit" else 3), name=model.name, own=_channels(size[2])
            )
        )
    return InputSpec("image", (tensor,), preprocess, layout.data_format, size, tuple(assumed), known=known)


def _reads_spectrogram(preprocess_mode: str, inputs: tuple[TensorInfo, ...]) -> bool:
    """Whether these are the inputs of a network that reads spectrograms of this kind."""
    return len(inputs) == 1 and inputs[0].shape == SPECTROGRAMS[preprocess_mode].shape


def _audio_spec(preprocess_mode: str, inputs: tuple[TensorInfo, ...]) -> InputSpec:
    spectrogram = SPECTROGRAMS[preprocess_mode]
    return InputSpec("audio", inputs, preprocess_mode, size=spectrogram.shape, sound=spectrogram)


def _named_audio_spec(model: Any, preprocess_mode: str, inputs: tuple[TensorInfo, ...]) -> InputSpec:
    if not _reads_spectrogram(preprocess_mode, inputs):
        raise ExplorerError(
            _("preprocess={preprocess!r} makes spectrograms of {own}; {name} reads {given}.").format(
                preprocess=preprocess_mode,
                own=shape_text(SPECTROGRAMS[preprocess_mode].shape),
                name=model.name,
                given=_(" and ").join(shape_text(tensor.shape) for tensor in inputs),
            )
        )
    return _audio_spec(preprocess_mode, inputs)


def structure_of(model: Any) -> Any:
    """Return the arguments that a model is called with: symbolic tensors in its own lists, tuples and dicts.

    For a model without a graph, tensors of the shapes in its first call.
    Raises ExplorerError where it has neither a graph nor been called, or takes several arguments.
    """
    if has_graph(model):
        return model.inputs[0] if isinstance(model, keras.Sequential) else model.input
    if len(_required_arguments(model)) > 1:
        raise ExplorerError(
            _("{name} is called with several arguments; let it take one list or dict of tensors instead.").format(name=model.name)
        )
    shapes = (model.get_build_config() or {}).get("input_shape")
    if shapes is None:
        raise ExplorerError(
            _("{name} has not been called yet, so its input shape is unknown: call it once on an example, then open it.").format(
                name=model.name
            )
        )
    return keras.tree.map_shape_structure(lambda shape: keras.KerasTensor(shape, "float32"), shapes)


def _required_arguments(model: Any) -> list[str]:
    """Return the names of the required arguments of the model's call."""
    parameters = inspect.signature(model.call).parameters.values()
    return [
        parameter.name
        for parameter in parameters
        if parameter.default is parameter.empty and parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ]


def inputs_of(model: Any) -> tuple[TensorInfo, ...]:
    """Return the inputs of a model. Raises as `structure_of` does, and for text inputs, which explorer doesn't support."""
    structure = structure_of(model)
    if has_graph(model):
        inputs = tuple(_info(tensor, maker_of(tensor).name, _below(model, tensor)) for tensor in model.inputs)
    else:
        inputs = tuple(_info(tensor, _tensor_name("input", path)) for path, tensor in tensors_in(structure))
    for tensor in inputs:
        if tensor.dtype == "string":
            raise ExplorerError(
                _("The input {input} of {name} is text; explorer opens models of pictures and numbers only.").format(
                    input=tensor.name, name=model.name
                )
            )
    return inputs


def outputs_of(model: Any, returned: Any = None) -> tuple[TensorInfo, ...]:
    """Return the outputs of a model, named as in the model or after the layers that compute them.

    returned: the result of a call, for a model without a graph.
    """
    structure = returned if returned is not None else None if isinstance(model, keras.Sequential) else model.output
    if returned is not None or isinstance(structure, dict):
        return tuple(_info(tensor, _tensor_name("output", path)) for path, tensor in tensors_in(structure))
    indices = [origin(tensor).tensor_index for tensor in model.outputs]
    names = [f"{name}[{index}]" if index else name for name, index in zip(output_addresses(model), indices, strict=True)]
    return tuple(_info(tensor, name) for tensor, name in zip(model.outputs, names, strict=True))


def tensors_in(structure: Any) -> list[tuple[tuple[Any, ...], Any]]:
    """Return the tensors in lists, tuples and dicts, each with its path there; a model may return None among them."""
    return [(path, leaf) for path, leaf in keras.tree.flatten_with_path(structure) if hasattr(leaf, "shape")]


def _tensor_name(what: str, path: tuple[Any, ...]) -> str:
    """Return the name of a tensor by its path in lists and dicts: `input`, `output_1`, `mask`, `boxes/1`."""
    name = "/".join(map(str, path)) or what
    return f"{what}_{name}" if path and isinstance(path[0], int) else name


def _info(tensor: Any, name: str, below: int | None = None) -> TensorInfo:
    return TensorInfo(name, tuple(tensor.shape[1:]), keras.backend.standardize_dtype(tensor.dtype), below)


def _below(model: Any, tensor: Any) -> int | None:
    """Return the number of rows of the embedding that reads this input; None where none does."""
    for node in nodes(model):
        if isinstance(node.operation, keras.layers.Embedding) and any(input_tensor is tensor for input_tensor in node.input_tensors):
            return int(node.operation.input_dim)
    return None


def _size_of(layout: Layout, otherwise: int) -> tuple[int, int, int]:
    height, width, channels = layout.size
    return height or otherwise, width or otherwise, channels


def _fits(preprocess_mode: str, size: tuple[int, int, int]) -> bool:
    """Whether the preprocessing mode is for pictures with this number of channels."""
    return {"caffe": 3, "torch": 3, "digit": 1}.get(preprocess_mode, size[2]) == size[2]


def _channels(count: int) -> str:
    return counted("{number} channel", "{number} channels", count)


def _guessed_mode(
    model: Any, index: int, tensor: TensorInfo, size: tuple[int, int, int], recognition: Recognised | None
) -> tuple[str, str]:
    """Return the preprocessing mode that a model of the user's own was most likely trained with, and the reason."""
    if layer := own_code_of(model, index):
        return "none", _("Pixels go in as 0 to 255: its own layer {layer} is assumed to preprocess them.").format(layer=layer)
    if "int" in tensor.dtype:
        return "none", _("Pixels go in as 0 to 255: the network reads whole numbers.")
    if recognition and recognition.row.input == "image" and _fits(recognition.preprocess_mode, size):
        return recognition.preprocess_mode, _("Pixels are preprocessed as for {name} (preprocess={convention!r}), {why}.").format(
            name=recognition.row.name, convention=recognition.preprocess_mode, why=_recognition_reason(recognition)
        )
    return "unit", _("How pixels were preprocessed is unknown; they are scaled to 0 to 1. Set preprocess= to change it.")


def _recognition_reason(recognition: Recognised) -> str:
    return _("whose layers the model has") if recognition.by_layers else _("which the model is by its name")

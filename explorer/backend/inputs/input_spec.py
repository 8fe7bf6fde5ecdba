"""What goes into a network and comes out, and how it reads pictures: known for the architectures of the table, else guessed."""

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

SIDE = 224  # pixels a side of a picture where the network takes any


def of_architecture(row: Architecture, model: Any, data_format: str, own_input: bool) -> InputSpec:
    """Return how a network of the table reads pictures or sound.

    own_input: whether it was built on a tensor of the user's own, before which other layers may lie.
    """
    inputs = inputs_of(model)
    if row.input == "audio":
        return _of_sound(row.preprocess_mode, inputs) if _hears(row.preprocess_mode, inputs) else InputSpec("arrays", inputs)
    layout = layout_of(model, 0, inputs[0]) if len(inputs) == 1 and len(inputs[0].shape) == 3 else None
    if layout is None or layout.data_format != data_format or layout.size[2] not in (1, 3):
        return of_model(model, None)  # such as four channels, or a vector that layers before it make a picture of
    size = _sized(layout, row.input_size[0])
    if own_input and (scaling := scaling_of(model)):
        return InputSpec(row.input, inputs, scaling.preprocess_mode, data_format, size, known=(scaling.sentence,))
    if not _fits(row.preprocess_mode, size):
        grey = _("{name} is made for colour pictures; grey pixels are brought to 0 to 1.").format(name=row.name)
        return InputSpec(row.input, inputs, "unit", data_format, size, (grey,))
    return InputSpec(row.input, inputs, row.preprocess_mode, data_format, size)


def of_model(model: Any, preprocess: str | None) -> InputSpec:
    """Return how a model of the user's own reads examples.

    preprocess: a named convention, "custom" for a function, None to guess; what is guessed is said in `assumed`.
    Raises ExplorerError where nothing says what shape its inputs have, and for a convention that doesn't fit them.
    """
    inputs = inputs_of(model)
    if preprocess in SPECTROGRAMS:
        return _of_named_sound(model, str(preprocess), inputs)
    found = recognised(model) if preprocess is None else None
    if found and found.row.input == "audio" and _hears(found.preprocess_mode, inputs):
        hears = _("It hears sound as {name} does, {why}.").format(name=found.row.name, why=_why(found))
        return replace(_of_sound(found.preprocess_mode, inputs), assumed=(hears,))
    pictures = tuple(_of_picture(model, place, one, preprocess, found) for place, one in enumerate(inputs))
    if len(inputs) == 1 and pictures[0] and len(inputs[0].shape) > 1:
        return replace(pictures[0], inputs=inputs)
    if preprocess is not None and (preprocess == "custom" or not any(pictures)):
        raise ExplorerError(_("preprocess is for pictures; the inputs of {name} are arrays.").format(name=model.name))
    return InputSpec("arrays", inputs, pictures=pictures if any(pictures) else ())


def _of_picture(model: Any, place: int, wanted: TensorInfo, preprocess: str | None, found: Recognised | None) -> InputSpec | None:
    """Return how a picture is read by an input of the model; None by one that reads none."""
    layout = layout_of(model, place, wanted)
    if layout is None:
        return None
    size, assumed = _sized(layout, SIDE), []
    known: tuple[str, ...] = ()
    if None in layout.size:
        assumed.append(_("It reads pictures of any size; they are brought to {side} x {side} pixels.").format(side=SIDE))
    if layout.guessed:
        assumed.append(_("Nothing says the order of its axes: they are taken for height, width and channels."))
    if preprocess is None:
        scaling = scaling_of(model, place)
        if scaling:
            preprocess, known = scaling.preprocess_mode, (scaling.sentence,)
        else:
            preprocess, why = _guessed(model, place, wanted, size, found)
            assumed.append(why)
    elif not _fits(preprocess, size):
        raise ExplorerError(
            _("preprocess={preprocess!r} is for pictures of {channels}; {name} reads {own}.").format(
                preprocess=preprocess, channels=_channels(1 if preprocess == "digit" else 3), name=model.name, own=_channels(size[2])
            )
        )
    return InputSpec("image", (wanted,), preprocess, layout.data_format, size, tuple(assumed), known=known)


def _hears(preprocess_mode: str, inputs: tuple[TensorInfo, ...]) -> bool:
    """Whether these are the inputs of a network that reads spectrograms of this kind."""
    return len(inputs) == 1 and inputs[0].shape == SPECTROGRAMS[preprocess_mode].shape


def _of_sound(preprocess_mode: str, inputs: tuple[TensorInfo, ...]) -> InputSpec:
    how = SPECTROGRAMS[preprocess_mode]
    return InputSpec("audio", inputs, preprocess_mode, size=how.shape, sound=how)


def _of_named_sound(model: Any, preprocess_mode: str, inputs: tuple[TensorInfo, ...]) -> InputSpec:
    if not _hears(preprocess_mode, inputs):
        raise ExplorerError(
            _("preprocess={preprocess!r} makes spectrograms of {own}; {name} reads {given}.").format(
                preprocess=preprocess_mode,
                own=shape_text(SPECTROGRAMS[preprocess_mode].shape),
                name=model.name,
                given=_(" and ").join(shape_text(one.shape) for one in inputs),
            )
        )
    return _of_sound(preprocess_mode, inputs)


def structure_of(model: Any) -> Any:
    """Return what a model is called with: symbolic tensors in its own lists, tuples and dicts.

    For a model without a graph, the shapes that it was called with first.
    Raises ExplorerError where it has neither a graph nor been called, or takes several arguments.
    """
    if has_graph(model):
        return model.inputs[0] if isinstance(model, keras.Sequential) else model.input
    if len(_arguments(model)) > 1:
        raise ExplorerError(
            _("{name} is called with several arguments; let it take one list or dict of tensors instead.").format(name=model.name)
        )
    shapes = (model.get_build_config() or {}).get("input_shape")
    if shapes is None:
        raise ExplorerError(
            _("{name} has not been called yet, so nothing says what it reads: call it once on an example, then open it.").format(
                name=model.name
            )
        )
    return keras.tree.map_shape_structure(lambda shape: keras.KerasTensor(shape, "float32"), shapes)


def _arguments(model: Any) -> list[str]:
    """Return the names of what has to be given when the model is called."""
    parameters = inspect.signature(model.call).parameters.values()
    return [one.name for one in parameters if one.default is one.empty and one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]


def inputs_of(model: Any) -> tuple[TensorInfo, ...]:
    """Return the inputs of a model. Raises as `structure_of` does, and for text, which explorer doesn't give to networks."""
    structure = structure_of(model)
    if has_graph(model):
        inputs = tuple(_info(tensor, maker_of(tensor).name, _below(model, tensor)) for tensor in model.inputs)
    else:
        inputs = tuple(_info(tensor, _named("input", path)) for path, tensor in tensors_in(structure))
    for one in inputs:
        if one.dtype == "string":
            raise ExplorerError(
                _("The input {input} of {name} is text; explorer opens models of pictures and numbers only.").format(
                    input=one.name, name=model.name
                )
            )
    return inputs


def outputs_of(model: Any, returned: Any = None) -> tuple[TensorInfo, ...]:
    """Return the outputs of a model, by the names that it gives them or the layers that make them.

    returned: what it answered to a call, where it has no graph.
    """
    structure = returned if returned is not None else None if isinstance(model, keras.Sequential) else model.output
    if returned is not None or isinstance(structure, dict):
        return tuple(_info(tensor, _named("output", path)) for path, tensor in tensors_in(structure))
    places = [origin(tensor).tensor_index for tensor in model.outputs]
    names = [f"{name}[{place}]" if place else name for name, place in zip(output_addresses(model), places, strict=True)]
    return tuple(_info(tensor, name) for tensor, name in zip(model.outputs, names, strict=True))


def tensors_in(structure: Any) -> list[tuple[tuple[Any, ...], Any]]:
    """Return the tensors in lists, tuples and dicts, each with its path there; a model may return None among them."""
    return [(path, leaf) for path, leaf in keras.tree.flatten_with_path(structure) if hasattr(leaf, "shape")]


def _named(what: str, path: tuple[Any, ...]) -> str:
    """Return the name of a tensor by its place in lists and dicts: `input`, `output_1`, `mask`, `boxes/1`."""
    name = "/".join(map(str, path)) or what
    return f"{what}_{name}" if path and isinstance(path[0], int) else name


def _info(tensor: Any, name: str, below: int | None = None) -> TensorInfo:
    return TensorInfo(name, tuple(tensor.shape[1:]), keras.backend.standardize_dtype(tensor.dtype), below)


def _below(model: Any, tensor: Any) -> int | None:
    """Return how many rows the embedding has that reads this input, where one does."""
    for node in nodes(model):
        if isinstance(node.operation, keras.layers.Embedding) and any(one is tensor for one in node.input_tensors):
            return int(node.operation.input_dim)
    return None


def _sized(layout: Layout, otherwise: int) -> tuple[int, int, int]:
    height, width, channels = layout.size
    return height or otherwise, width or otherwise, channels


def _fits(preprocess_mode: str, size: tuple[int, int, int]) -> bool:
    """Whether the convention prepares pictures with so many channels."""
    return {"caffe": 3, "torch": 3, "digit": 1}.get(preprocess_mode, size[2]) == size[2]


def _channels(count: int) -> str:
    return counted("{number} channel", "{number} channels", count)


def _guessed(model: Any, place: int, wanted: TensorInfo, size: tuple[int, int, int], found: Recognised | None) -> tuple[str, str]:
    """Return the convention that a model of the user's own was most likely trained with, and why."""
    if own := own_code_of(model, place):
        return "none", _("Pixels go in as 0 to 255: its own layer {layer} is taken to prepare them.").format(layer=own)
    if "int" in wanted.dtype:
        return "none", _("Pixels go in as 0 to 255: the network reads whole numbers.")
    if found and found.row.input == "image" and _fits(found.preprocess_mode, size):
        return found.preprocess_mode, _("Pixels are prepared as for {name} (preprocess={convention!r}), {why}.").format(
            name=found.row.name, convention=found.preprocess_mode, why=_why(found)
        )
    return "unit", _("Nothing says how pixels are prepared; they are brought to 0 to 1. preprocess= sets it otherwise.")


def _why(found: Recognised) -> str:
    return _("whose layers the model has") if found.by_layers else _("which the model is by its name")

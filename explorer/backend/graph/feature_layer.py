"""The layer whose output stands for an example as a whole: what feature extraction returns and a new head is put on."""

from __future__ import annotations

from explorer.errors import ExplorerError
from explorer.locale import _
from explorer.values import Layer, Layers


def feature_layer(table: Layers, headless: bool) -> Layer:
    """Return the layer whose output stands for the example as a whole, before the classification head.

    headless: whether the network was built without a head, so that its own output is that.
    The last feature maps. Where layers with weights read them on as a sequence (recurrent ones, the attention of a ViT), and without
    maps, what the last dense layer reads. Never the input, nor what only scales or reshapes it.
    Raises ExplorerError where the head reads the input itself.
    """
    if headless:
        return table[-1]
    raw = _unprocessed(table)
    sequences = [row.index for row in table if row.kind == "recurrent" or (row.parameters and len(row.output_shape) == 2)]
    later = [row for row in table if row.name not in raw and row.index > max(sequences, default=-1)]
    maps = [row for row in later if len(row.output_shape) == 3 and 1 not in row.output_shape[:2]]
    pools = [row for row in table if row.class_name.startswith("Global") and len(row.output_shape) == 1 and row.inputs]
    pooled = {row.inputs[0] for row in pools[-1:]}  # of small pictures one cell is left, and still they are maps
    maps += [row for row in later if row.name in pooled and len(row.output_shape) == 3]
    if maps:
        return max(maps, key=lambda row: row.index)
    dense = [row for row in table if row.kind == "dense"]
    last = table[-1]
    if dense:
        last = _read_by(dense[-1], table) if dense[-1].inputs else table[max(0, dense[-1].index - 1)]
    if last.name in raw:
        raise ExplorerError(_("The head of this network reads its input itself: there are no features between them."))
    return last


def _read_by(head: Layer, table: Layers) -> Layer:
    """Return the layer that the head reads, or the operation behind it that makes what it reads, such as `x[:, 0]`."""
    layer = table.find(head.inputs[0])
    rows = table.rows
    between = rows[rows.index(layer) + 1 : rows.index(head)]
    made = [
        row for row in between if row.operation and head.input_shapes and row.output_shape == head.input_shapes[0] != layer.output_shape
    ]
    return made[-1] if made else layer


def _unprocessed(table: Layers) -> set[str]:
    """Return the names of the input layers, and of those without weights that read nothing but them."""
    raw: set[str] = set()
    weighted = False
    for row in table:
        weighted = weighted or row.parameters > 0
        if row.kind == "input" or (not row.parameters and (raw.issuperset(row.inputs) if row.inputs else not weighted)):
            raw.add(row.name)
    return raw

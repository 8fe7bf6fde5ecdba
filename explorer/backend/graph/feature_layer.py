"""The feature layer: the layer whose output represents an example as a whole, which feature extraction returns and new heads read."""

from __future__ import annotations

from explorer.errors import ExplorerError
from explorer.locale import _
from explorer.values import Layer, Layers


def feature_layer(table: Layers, headless: bool) -> Layer:
    """Return the layer whose output represents the example as a whole, before the classification head.

    It has the last feature maps. If layers with weights read these as a sequence (recurrent layers, the attention of a ViT), or there
    are no maps, it is the layer that the last dense layer reads. Never the input, nor a layer that only scales or reshapes it.

    headless: whether the network was built without a head; then it is the last layer.
    Raises ExplorerError if the head reads the input itself.
    """
    if headless:
        return table[-1]
    raw = _unprocessed(table)
    sequences = [row.index for row in table if row.kind == "recurrent" or (row.parameters and len(row.output_shape) == 2)]
    later = [row for row in table if row.name not in raw and row.index > max(sequences, default=-1)]
    maps = [row for row in later if len(row.output_shape) == 3 and 1 not in row.output_shape[:2]]
    pools = [row for row in table if row.class_name.startswith("Global") and len(row.output_shape) == 1 and row.inputs]
    pooled = {row.inputs[0] for row in pools[-1:]}  # for small pictures these are still maps, though of one cell
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
    """Return the layer that the head reads, or the operation between them whose output it reads, such as `x[:, 0]`."""
    layer = table.find(head.inputs[0])
    rows = table.rows
    between = rows[rows.index(layer) + 1 : rows.index(head)]
    operations = [
        row for row in between if row.operation and head.input_shapes and row.output_shape == head.input_shapes[0] != layer.output_shape
    ]
    return operations[-1] if operations else layer


def _unprocessed(table: Layers) -> set[str]:
    """Return the names of the input layers, and of the layers without weights between them and the first layers with weights."""
    raw: set[str] = set()
    weighted = False
    for row in table:
        weighted = weighted or row.parameters > 0
        if row.kind == "input" or (not row.parameters and (raw.issuperset(row.inputs) if row.inputs else not weighted)):
            raw.add(row.name)
    return raw

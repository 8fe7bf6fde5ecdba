"""The blocks of a network, found by the names of its layers or, if Keras generated these, by its graph."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

from explorer.values import Layer

GENERATED_SHARE = 0.3  # if Keras generated more than this fraction of the names, the graph is used instead of the names
NAMED_AFTER = re.compile(r"_(concat|mixed|ac|add|out)(?=_|$)|_conv$")


def with_blocks(rows: Sequence[Layer]) -> list[Layer]:
    """Return the rows of one model, none of them nested or reused, with their blocks filled in."""
    generated = [_is_generated(row) for row in rows]
    blocks = _by_name(rows, generated)
    scattered = len(list(groupby(blocks))) > len(set(blocks))
    of_layers = [is_generated for row, is_generated in zip(rows, generated, strict=True) if not row.operation]  # operations' always are
    if scattered or sum(of_layers) > GENERATED_SHARE * len(of_layers):
        blocks = _by_graph(rows, generated) or blocks
    return [replace(row, block=block) for row, block in zip(rows, blocks, strict=True)]


def _is_generated(row: Layer) -> bool:
    """Whether the layer has a name that Keras generated from its class: `conv2d_94`."""
    snake = re.sub(r"([a-z])([A-Z])", r"\1_\2", re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", row.class_name)).lower()  # as Keras writes it
    return row.operation or re.fullmatch(rf"{re.escape(snake)}(_\d+)?", row.name) is not None


def _by_name(rows: Sequence[Layer], generated: Sequence[bool]) -> list[str]:
    """Return the block of each layer by its name.

    The layers before the first block are the "stem", those after the last the "top"; layers between two blocks belong
    to the first of them.
    """
    named = [None if is_generated else _block_in_name(row.name) for row, is_generated in zip(rows, generated, strict=True)]
    named = _with_shared_prefixes(rows, generated, named)
    if not any(named):
        named = _with_shared_numbers(rows, generated)
    known = [index for index, block in enumerate(named) if block]
    if not known:
        return ["" for _row in rows]
    blocks: list[str] = []
    for index, block in enumerate(named):
        if index < known[0]:
            blocks.append("stem")
        elif index > known[-1]:
            blocks.append("top")
        else:
            blocks.append(block or blocks[-1])
    return blocks


def _block_in_name(name: str) -> str | None:
    """Return the block at the beginning of a layer's name, None if there is none.

    `block_13` of `block_13_expand`, `conv4_block2` of `conv4_block2_1_bn`, `block35_1` of `block35_1_mixed`,
    `conv_5` of `conv_pw_5_relu`, `expanded_conv_2` of `expanded_conv_2_add`.
    """
    if block := re.match(r"block\d+_\d+(?=_|$)|.*?block_?\d+[a-z]?(?=_|$)|expanded_conv_\d+(?=_|$)", name):
        return block[0]
    if separable := re.match(r"([a-z]+)_[a-z]+_(\d+)(?=_|$)", name):
        return f"{separable[1]}_{separable[2]}"
    return None


def _with_shared_numbers(rows: Sequence[Layer], generated: Sequence[bool]) -> list[str | None]:
    """Return a block for adjacent layers whose names end in the same number: `block1` for `conv1`, `bn1`; None for `gru1`, `gru2`."""
    ends = [None if is_generated else re.fullmatch(r"[a-z]+(\d+)", row.name) for row, is_generated in zip(rows, generated, strict=True)]
    blocks: list[str | None] = []
    for number, group in groupby(end and end[1] for end in ends):
        size = len(list(group))
        blocks += [f"block{number}" if number and size > 1 else None] * size
    return blocks


def _with_shared_prefixes(rows: Sequence[Layer], generated: Sequence[bool], blocks: Sequence[str | None]) -> list[str | None]:
    """Return the blocks, also for three or more adjacent layers without one that share their first two words (`expanded_conv_...`).

    Layers after the last block are not looked at: they are the top.
    """
    last = max((index for index, block in enumerate(blocks) if block), default=len(rows))

    def prefix(index: int) -> str:
        return blocks[index] or ("" if generated[index] or index > last else "_".join(rows[index].name.split("_")[:2]))

    shared: list[str | None] = []
    for words, run in groupby(range(len(rows)), prefix):
        indices = list(run)
        shares = blocks[indices[0]] is not None or (len(indices) >= 3 and "_" in words)
        shared += [words if shares else None] * len(indices)
    return shared


def _by_graph(rows: Sequence[Layer], generated: Sequence[bool]) -> list[str]:
    """Return the block of each layer by the graph: a block ends where its branches have merged again.

    That is where the following layers read a single tensor; in a network where they always read two (NASNet), at each
    concatenation whose name Keras didn't generate. Empty if there are no branches.
    """
    sole = _are_sole_outputs(rows)
    ends = [index for index in range(1, len(rows)) if sole[index] and not sole[index - 1]]
    if len(ends) < 3:
        ends = [index for index, row in enumerate(rows) if row.class_name == "Concatenate" and not generated[index]]
    blocks: list[str] = []
    for end in ends:
        while end + 1 < len(rows) and rows[end + 1].kind == "activation" and rows[end + 1].inputs == (rows[end].name,):
            end += 1
        section = range(len(blocks), end + 1)
        last = next((rows[index].name for index in reversed(section) if not generated[index]), "")
        blocks += [NAMED_AFTER.sub("", last) or f"block_{len(set(blocks))}"] * len(section)
    if blocks:
        stem = _stem_length(sole)
        blocks[:stem] = ["stem"] * stem
        blocks += ["top"] * (len(rows) - len(blocks))
    return blocks


def _are_sole_outputs(rows: Sequence[Layer]) -> list[bool]:
    """Return, for each layer, whether the layers after it read no other output of the layers up to it."""
    index_of = {row.name: index for index, row in enumerate(rows)}
    last_read = list(range(len(rows)))
    for index, row in enumerate(rows):
        for name in row.inputs:
            if (source := index_of.get(name.rsplit(":", 1)[0] if name not in index_of else name)) is not None:
                last_read[source] = max(last_read[source], index)
    sole: list[bool] = []
    furthest = -1  # the last layer that reads an output of the layers before
    for index in range(len(rows)):
        sole.append(furthest <= index)
        furthest = max(furthest, last_read[index])
    return sole


def _stem_length(sole: Sequence[bool]) -> int:
    """Return how many layers come before the first branch."""
    return next((index for index, is_sole in enumerate(sole) if not is_sole), len(sole))

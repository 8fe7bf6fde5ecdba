"""Blocks: the parts of a network, read from how its layers are named or, where names say nothing, from its graph."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

from explorer.values import Layer

GENERATED_SHARE = 0.3  # with more layers named by Keras itself than this, the graph says more than the names
NAMED_AFTER = re.compile(r"_(concat|mixed|ac|add|out)(?=_|$)|_conv$")


def with_blocks(rows: Sequence[Layer]) -> list[Layer]:
    """Return the rows of one model, none of them further ones, with their blocks filled in."""
    generated = [_generated(row) for row in rows]
    blocks = _by_name(rows, generated)
    scattered = len(list(groupby(blocks))) > len(set(blocks))
    own = [made for row, made in zip(rows, generated, strict=True) if not row.operation]  # operations have no names of their own
    if scattered or sum(own) > GENERATED_SHARE * len(own):
        blocks = _by_graph(rows, generated) or blocks
    return [replace(row, block=block) for row, block in zip(rows, blocks, strict=True)]


def _generated(row: Layer) -> bool:
    """Whether the layer has the name that Keras makes of its class: `conv2d_94`."""
    snake = re.sub(r"([a-z])([A-Z])", r"\1_\2", re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", row.class_name)).lower()  # as Keras writes it
    return row.operation or re.fullmatch(rf"{re.escape(snake)}(_\d+)?", row.name) is not None


def _by_name(rows: Sequence[Layer], generated: Sequence[bool]) -> list[str]:
    """Return the block of each layer by its name.

    What comes before the first block is the "stem", what comes after the last the "top"; what lies
    between two belongs to the one before.
    """
    found = [None if made else _numbered(row.name) for row, made in zip(rows, generated, strict=True)]
    found = _with_shared_prefixes(rows, generated, found)
    if not any(found):
        found = _with_shared_numbers(rows, generated)
    known = [index for index, block in enumerate(found) if block]
    if not known:
        return ["" for _row in rows]
    blocks: list[str] = []
    for index, block in enumerate(found):
        if index < known[0]:
            blocks.append("stem")
        elif index > known[-1]:
            blocks.append("top")
        else:
            blocks.append(block or blocks[-1])
    return blocks


def _numbered(name: str) -> str | None:
    """Return the block that a name begins with.

    `block_13` of `block_13_expand`, `conv4_block2` of `conv4_block2_1_bn`, `block35_1` of `block35_1_mixed`,
    `conv_5` of `conv_pw_5_relu`, `expanded_conv_2` of `expanded_conv_2_add`.
    """
    if block := re.match(r"block\d+_\d+(?=_|$)|.*?block_?\d+[a-z]?(?=_|$)|expanded_conv_\d+(?=_|$)", name):
        return block[0]
    if separable := re.match(r"([a-z]+)_[a-z]+_(\d+)(?=_|$)", name):
        return f"{separable[1]}_{separable[2]}"
    return None


def _with_shared_numbers(rows: Sequence[Layer], generated: Sequence[bool]) -> list[str | None]:
    """Return the blocks of neighbours whose names end in one number: `block1` of `conv1`, `bn1`, `pool1`, but none of `gru1`, `gru2`."""
    ends = [None if made else re.fullmatch(r"[a-z]+(\d+)", row.name) for row, made in zip(rows, generated, strict=True)]
    found: list[str | None] = []
    for number, group in groupby(end and end[1] for end in ends):
        size = len(list(group))
        found += [f"block{number}" if number and size > 1 else None] * size
    return found


def _with_shared_prefixes(rows: Sequence[Layer], generated: Sequence[bool], found: Sequence[str | None]) -> list[str | None]:
    """Fill in runs of three and more unnumbered layers that share their first two words (`expanded_conv_...`).

    After the last numbered block comes the top, whatever its layers share.
    """
    last = max((index for index, block in enumerate(found) if block), default=len(rows))

    def prefix(index: int) -> str:
        return found[index] or ("" if generated[index] or index > last else "_".join(rows[index].name.split("_")[:2]))

    shared: list[str | None] = []
    for words, run in groupby(range(len(rows)), prefix):
        indices = list(run)
        shares = found[indices[0]] is not None or (len(indices) >= 3 and "_" in words)
        shared += [words if shares else None] * len(indices)
    return shared


def _by_graph(rows: Sequence[Layer], generated: Sequence[bool]) -> list[str]:
    """Return the block of each layer by the graph: a block ends where its branches have met again.

    That is where one tensor alone goes on; in a network where two always go on (NASNet), at the
    concatenation that has a name. Nothing where there are no branches.
    """
    alone = _crossed_by_one(rows)
    ends = [index for index in range(1, len(rows)) if alone[index] and not alone[index - 1]]
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
        stem = _length_of_the_stem(alone)
        blocks[:stem] = ["stem"] * stem
        blocks += ["top"] * (len(rows) - len(blocks))
    return blocks


def _crossed_by_one(rows: Sequence[Layer]) -> list[bool]:
    """Return, for each layer, whether its own output is all that the layers after it read of those up to it."""
    place = {row.name: index for index, row in enumerate(rows)}
    last_read = list(range(len(rows)))
    for index, row in enumerate(rows):
        for name in row.inputs:
            if (source := place.get(name.rsplit(":", 1)[0] if name not in place else name)) is not None:
                last_read[source] = max(last_read[source], index)
    alone: list[bool] = []
    furthest = -1  # how far the outputs of the layers before are read
    for index in range(len(rows)):
        alone.append(furthest <= index)
        furthest = max(furthest, last_read[index])
    return alone


def _length_of_the_stem(alone: Sequence[bool]) -> int:
    """Return how many layers come before the first branch."""
    return next((index for index, single in enumerate(alone) if not single), len(alone))

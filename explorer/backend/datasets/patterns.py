"""Patterns: pictures of shapes and textures, computed with NumPy, to train on without a download, in any size and number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from explorer.errors import ExplorerError, UnknownName, near
from explorer.locale import _

Rng: TypeAlias = np.random.Generator
Field: TypeAlias = np.ndarray[Any, Any]  # float32
Draw: TypeAlias = Callable[[Field, Field, Rng], Field]

SIDES = (8, 1024)  # pixels
CONTRAST = 0.3  # least difference in brightness between the two colours, of 1
GREY = np.array((0.299, 0.587, 0.114), np.float32)  # how bright red, green and blue look
SHADING = 0.12  # largest relative change of a colour from the middle to an edge
NOISIEST = 0.07  # standard deviation


def drawn(name: str, size: int, rng: Rng) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return a picture of one of `CLASSES`, uint8 (size, size, 3), with position, rotation, size, colours and noise drawn from `rng`.

    A shape lies wholly within the picture; a texture fills it. Generators with equal state give equal pictures. The colours are
    independent of the class, and differ in brightness. size: 8 to 1024 pixels.
    Raises UnknownName for other names, ExplorerError for other sizes.
    """
    if name not in CLASSES:
        raise UnknownName(_("There is no pattern {name!r}.{near}").format(name=name, near=near(name, CLASSES)))
    if not SIDES[0] <= size <= SIDES[1]:
        raise ExplorerError(_("A pattern is 8 to 1024 pixels a side, not {size}.").format(size=size))
    line = (np.arange(size, dtype=np.float32) * 2 + 1) / size - 1
    x, y = np.meshgrid(line, line)
    angle = rng.uniform(0, 2 * np.pi)
    is_shape = name in SHAPES
    scale = rng.uniform(0.4, 0.75) if is_shape else 2 / rng.uniform(3, 6)  # for a texture, its period
    x_centre, y_centre = rng.uniform(-1, 1, 2) * (0.95 - scale if is_shape else 1)
    distance = _rotated((SHAPES | TEXTURES)[name], (x - x_centre) / scale, (y - y_centre) / scale, angle, rng) * scale
    share = np.clip(0.5 - distance * (size / 2), 0, 1)[..., None]  # the share of each pixel that the pattern covers
    background, foreground = _colours(rng)
    picture = _shaded(background, x, y, rng) * (1 - share) + _shaded(foreground, x, y, rng) * share
    picture += rng.standard_normal((size, size, 1), np.float32) * np.float32(rng.uniform(0, NOISIEST))
    return np.asarray(np.clip(picture * 255, 0, 255).round(), np.uint8)


def _rotated(draw: Draw, x: Field, y: Field, angle: float, rng: Rng) -> Field:
    cosine, sine = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    return draw(x * cosine + y * sine, y * cosine - x * sine, rng)


def _colours(rng: Rng) -> Field:
    """Return two colours, (2, 3) in 0 to 1, of different brightness."""
    while True:
        hues, saturation, value = rng.uniform(size=(2, 1)), rng.uniform(0.25, 0.9, (2, 1)), rng.uniform(0.25, 1, (2, 1))
        wheel = np.clip(np.abs((hues * 6 + np.array((0, 4, 2))) % 6 - 3) - 1, 0, 1)
        colours = (value * (1 - saturation * (1 - wheel))).astype(np.float32)
        if abs(np.subtract(*(colours @ GREY))) >= CONTRAST:
            return np.asarray(colours)


def _shaded(colour: Field, x: Field, y: Field, rng: Rng) -> Field:
    """Return a colour all over the picture, a little lighter to one side: (size, size, 3)."""
    slope = rng.uniform(-SHADING, SHADING, 2).astype(np.float32)
    shaded: Field = colour * (1 + slope[0] * x + slope[1] * y)[..., None]
    return shaded


# These functions return the signed distance of each point from a shape, negative inside; a shape's radius and a texture's period are 1.


def _circle(u: Field, v: Field, _rng: Rng) -> Field:
    return np.hypot(u, v) - 1


def _ring(u: Field, v: Field, rng: Rng) -> Field:
    half = np.float32(rng.uniform(0.11, 0.2))
    return np.asarray(np.abs(np.hypot(u, v) - (1 - half)) - half)


def _square(u: Field, v: Field, _rng: Rng) -> Field:
    return np.maximum(np.abs(u), np.abs(v)) - np.float32(0.5**0.5)


def _triangle(u: Field, v: Field, _rng: Rng) -> Field:
    """Return an equilateral triangle with its corners at radius 1."""
    return np.maximum(np.abs(u) * np.float32(0.75**0.5) - v / 2, v) - np.float32(0.5)


def _star(u: Field, v: Field, rng: Rng) -> Field:
    """Return a star of five rays: the plane is folded onto half a ray, from its tip at radius 1 to the notch beside it."""
    part = 2 * np.pi / 5
    angle = np.abs((np.arctan2(v, u) + part / 2) % part - part / 2)
    inner = rng.uniform(0.38, 0.48)
    across, along = inner * np.sin(part / 2), inner * np.cos(part / 2) - 1
    radius = np.hypot(u, v)
    distance: Field = ((radius * np.cos(angle) - 1) * across - radius * np.sin(angle) * along) / np.hypot(across, along)
    return distance.astype(np.float32)


def _cross(u: Field, v: Field, rng: Rng) -> Field:
    half = np.float32(rng.uniform(0.2, 0.3))
    across, along = np.abs(u), np.abs(v)
    return np.asarray(np.minimum(np.maximum(across - 1, along - half), np.maximum(along - 1, across - half)))


def _from_middle(u: Field) -> Field:
    """Return the position within a period: -0.5 to 0.5."""
    return u - np.round(u)


def _stripes(u: Field, _v: Field, rng: Rng) -> Field:
    return np.asarray(np.abs(_from_middle(u))) - np.float32(rng.uniform(0.18, 0.32))


def _waves(u: Field, v: Field, rng: Rng) -> Field:
    height, frequency = rng.uniform(0.3, 0.45), 2 * np.pi * rng.uniform(0.35, 0.5)
    bent = u + np.float32(height) * np.sin(np.float32(frequency) * v)
    steepness = np.hypot(1, np.float32(height * frequency) * np.cos(np.float32(frequency) * v))
    return (np.abs(_from_middle(bent)) - np.float32(rng.uniform(0.18, 0.28))) / steepness


def _checks(u: Field, v: Field, _rng: Rng) -> Field:
    """Return checks that are 0.7 of a period wide."""
    u, v = u / np.float32(0.7), v / np.float32(0.7)
    to_edge = np.minimum(np.abs(_from_middle(u)), np.abs(_from_middle(v))) * np.float32(0.7)
    return np.where((np.floor(u) + np.floor(v)) % 2 == 0, -to_edge, to_edge)


def _dots(u: Field, v: Field, rng: Rng) -> Field:
    return np.hypot(_from_middle(u), _from_middle(v)) - np.float32(rng.uniform(0.22, 0.34))


SHAPES: dict[str, Draw] = {"circle": _circle, "ring": _ring, "square": _square, "triangle": _triangle, "star": _star, "cross": _cross}
TEXTURES: dict[str, Draw] = {"stripes": _stripes, "waves": _waves, "checks": _checks, "dots": _dots}
CLASSES = (*SHAPES, *TEXTURES)

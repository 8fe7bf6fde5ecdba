"""Frozen values that pass between rooms: plain data and detached NumPy arrays, never a live network."""

from explorer.values.axes import Axis, Region, Span, shape_text
from explorer.values.inputs import LARGEST, Arrays, Example, FileOnDisk, Heard, MelSpectrogram, Reading, SeenInput, Stretch, TensorInfo
from explorer.values.layers import Layer, LayerKey, Layers
from explorer.values.results import Answers, FeatureMaps, Held, NetworkSummary, Prediction, Progress, ScoresOverTime, TakenFile
from explorer.values.specs import AdoptedModel, AnySpec, ModelFile, NetworkSpec

__all__ = [
    "AdoptedModel",
    "Answers",
    "AnySpec",
    "Arrays",
    "Axis",
    "Example",
    "FeatureMaps",
    "FileOnDisk",
    "Heard",
    "Held",
    "LARGEST",
    "Layer",
    "LayerKey",
    "Layers",
    "MelSpectrogram",
    "ModelFile",
    "NetworkSpec",
    "NetworkSummary",
    "Prediction",
    "Progress",
    "Reading",
    "Region",
    "ScoresOverTime",
    "SeenInput",
    "Span",
    "Stretch",
    "TakenFile",
    "TensorInfo",
    "shape_text",
]

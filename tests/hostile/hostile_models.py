"""Hostile model files: whole models (.keras, .h5), topologies (.json, .yaml) and weights, mutated and forged."""

import io
import json
import tempfile
import zipfile
from functools import cache
from pathlib import Path

import h5py
import numpy as np
import yaml
from mutating import mutated

EXTREME = (
    *(None, True, -1, 0, 1, 2, 1.5, 1e300, float("nan"), float("inf"), 10**5, 10**9, 2**31, 2**63, 10**30, 10**300),
    *("", "x", "../x", "relu", "keras.layers", "float64", "int8", "string", "\x1b[31m", "\u0000", "ä" * 300),
    *([], [None], [None, None], [10**6, 10**6], [None, 10**9], [[[[[]]]]], [0], [-1], {}, {"class_name": "Dense"}, {"x": [1, 2]}),
)
LAYERS = (
    "Dense",
    "Embedding",
    "UpSampling2D",
    "ZeroPadding2D",
    "LSTM",
    "Reshape",
    "Flatten",
    "Attention",
    "Rescaling",
    "InputLayer",
    "Lambda",
)
CARDS = (
    {"labels": ["cat", "dog"]},
    {"labels": ["a"] * 500, "preprocess": "caffe"},
    {"preprocess": "digit"},
    {"labels": "cat", "run": []},
    {"name": "\x1b[31m", "labels": ["\u202e", "", "b"]},
    {"run": {"network": {"a": [None]}, "data": 10**30}},
)


@cache
def seeds():
    """Return small models of several kinds, by name."""
    import keras

    layers = keras.layers
    picture = keras.Sequential(
        [
            *(keras.Input((8, 8, 1)), layers.Conv2D(3, 3), layers.BatchNormalization(), layers.UpSampling2D(2), layers.ZeroPadding2D(1)),
            *(layers.SeparableConv2D(4, 3, activation="relu"), layers.GlobalAveragePooling2D(), layers.Dense(3, activation="softmax")),
        ]
    )
    numbers = keras.Sequential([keras.Input((4,)), layers.Dense(6, activation="relu"), layers.Dropout(0.5), layers.Dense(2)])
    numbers.compile("adam", "mse", metrics=["mae", keras.metrics.AUC()])
    words, left = keras.Input((6,), name="words", dtype="int32"), keras.Input((6, 4), name="left")
    x = layers.Add()([layers.Embedding(11, 4)(words), layers.LSTM(4, return_sequences=True)(left)])
    x = layers.MultiHeadAttention(2, 2)(x, x)
    inner = keras.Sequential([keras.Input((6, 4)), layers.Conv1D(3, 2, padding="same"), layers.Flatten()], name="inner")
    joined = keras.Model([words, left], layers.Dense(3, activation="softmax")(inner(x / 2 + 1)))
    return {"picture": picture, "numbers": numbers, "joined": joined}


@cache
def saved(name, ending):
    """Return the bytes of a file of one of the models."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"model{ending}"
        if ending == ".weights.h5":
            seeds()[name].save_weights(path)
        else:
            seeds()[name].save(path)
        return path.read_bytes()


def drawn(random):
    return random.choice(sorted(seeds()))


def changed(config, random):
    """Return a config in which something was replaced, left out, written twice or put elsewhere."""
    config = json.loads(json.dumps(config))
    for _ in range(random.choice((1, 1, 1, 2, 5))):
        parent, key = random.choice(places(config))
        how = random.random()
        if key == "class_name" and how < 0.8:
            parent[key] = random.choice(LAYERS)
        elif how < 0.7:
            parent[key] = json.loads(json.dumps(random.choice(EXTREME)))
        elif how < 0.8:
            del parent[key]
        elif how < 0.9:
            parent[key] = [parent[key]] * random.choice((2, 3, 1000))
        else:
            other, at = random.choice(places(config))
            parent[key] = json.loads(json.dumps(other[at]))
    return config


def places(config):
    """Return every (list or dict, index or key) within a config."""
    found, left = [], [config]
    while left:
        node = left.pop()
        if isinstance(node, dict | list):
            keys = list(node) if isinstance(node, dict) else range(len(node))
            found += [(node, key) for key in keys]
            left += [node[key] for key in keys]
    return found or [({"": None}, "")]


def text_of(config, random):
    """Return a config as JSON, now and then with what JSON allows and nobody expects."""
    text = json.dumps(config)
    how = random.random()
    if how < 0.05:
        return text.replace("{", '{"name": "twice", ', 1).encode()
    if how < 0.1:
        return (text[:-1] + ', "deep": ' + "[" * 5000 + "]" * 5000 + "}").encode()
    if how < 0.2:
        return mutated(text.encode(), random)
    return text.encode()


def whole(random):
    """A .keras whose archive, config, card or weights are damaged or forged."""
    name = drawn(random)
    data, how = saved(name, ".keras"), random.random()
    if how < 0.2:
        return f"{name}.keras", mutated(data, random)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {member: archive.read(member) for member in archive.namelist()}
    if how < 0.7:
        members["config.json"] = text_of(changed(json.loads(members["config.json"]), random), random)
    elif how < 0.8:
        members["explorer.json"] = json.dumps(random.choice(CARDS)).encode()
    elif how < 0.9:
        members["model.weights.h5"] = damaged_hdf5(members["model.weights.h5"], random)
    elif how < 0.95:
        del members["model.weights.h5"]
        members["model.weights.npz"] = forged_npz(random)
    else:
        member = random.choice(sorted(members))
        members[member] = mutated(members[member], random)
    return f"{name}.keras", zipped(members)


def zipped(members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    return file.getvalue()


def forged_npz(random):
    """Weights as arrays: none that fit, with a header that claims 10^12 numbers, or zeros without end."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (10**12,)})
    return zipped({"layers/dense.npy": random.choice((header.getvalue(), header.getvalue() + bytes(2**22), b"\x93NUMPY", b""))})


def damaged_hdf5(data, random):
    """Return an HDF5 file with NaN or zeros, other shapes, lost parts, forged attributes or flipped bits."""
    if random.random() < 0.4:
        return mutated(data, random)
    content = io.BytesIO(data)
    with h5py.File(content, "r+") as file:
        found = []
        file.visititems(lambda place, one: found.append(place) if isinstance(one, h5py.Dataset) else None)
        place, how = random.choice(sorted(found)), random.randrange(6)
        value = file[place][()]
        if how == 0 and value.dtype.kind == "f":
            file[place][...] = random.choice((np.nan, np.inf, -np.inf, 3e38))
        elif how == 1:
            del file[place]
        elif how == 2:
            del file[place]
            file[place] = np.zeros(random.choice(((), (0,), (3, 3), (1000,))), random.choice(("f2", "f8", "i4", "S4")))
        elif how == 3:
            del file[place]
            file.create_dataset(place, (2**33,), "f4", chunks=(2**20,), compression="gzip")
        elif how == 4:
            file[place].parent["more"] = h5py.SoftLink("/" + place)
        else:
            owner = random.choice([file, file[place], file[place].parent])
            owner.attrs[random.choice((*owner.attrs, "layer_names", "weight_names"))] = random.choice((0, "x", np.zeros(3), b"\xff", "{}"))
    return content.getvalue()


def old_whole(random):
    """A whole-model .h5 whose config, training config or weights are damaged or forged."""
    name = drawn(random)
    data, how = saved(name, ".h5"), random.random()
    if how < 0.4:
        return f"{name}.h5", damaged_hdf5(data, random)
    content = io.BytesIO(data)
    with h5py.File(content, "r+") as file:
        key = "training_config" if "training_config" in file.attrs and how < 0.5 else "model_config"
        file.attrs[key] = text_of(changed(json.loads(file.attrs[key]), random), random).decode(errors="replace").replace("\x00", "")
        if random.random() < 0.3:
            file.attrs["keras_version"] = random.choice(("2.12.0", "1.2", "", "x", 3, "99"))
    return f"{name}.h5", content.getvalue()


def topology(random):
    """A .json or .yaml."""
    name = drawn(random)
    config = changed(json.loads(seeds()[name].to_json()), random)
    if random.random() < 0.5:
        return f"{name}.json", text_of(config, random)
    text = yaml.safe_dump(config, sort_keys=False, allow_unicode=True)
    extra = (
        "? {a: b}\n: c\n",
        "when: 2020-01-01\n",
        "a: &a [*a]\n",
        "x: !!set {a}\n",
        "y: !!binary x\n",
        "1: 2\n",
        "<<: 3\n",
        "z: !!int q\n",
        "",
    )
    return f"{name}.yaml", mutated(text.encode(), random) if random.random() < 0.3 else (text + random.choice(extra)).encode()


def weights(random):
    """A .weights.h5, an .h5 or a .keras that are loaded into another network, or an .npz, which holds none."""
    name, ending = drawn(random), random.choice((".weights.h5", ".h5", ".keras", ".npz"))
    if ending == ".npz":
        return f"{name}.npz", forged_npz(random)
    name = random.choice((name, "numbers"))
    data = saved(name, ending)
    return f"{name}{ending}", mutated(data, random) if ending == ".keras" else damaged_hdf5(data, random)

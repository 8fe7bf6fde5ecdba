"""Hostile text: tables of numbers, lists of files, and the JSON that explorer itself writes: names of classes, runs, packs."""

import json

from mutating import mutated

CELLS = (
    *(
        "a.png",
        "b.png",
        "cat/a.png",
        "cat",
        "dog",
        "1",
        "0",
        "1.5",
        "-1",
        "",
        " ",
        "NaN",
        "inf",
        "1e999",
        "1_0",
        "٣",
        "cat;dog",
        "[cat, dog]",
    ),
    *(
        "9" * 400,
        "1" * 5000,
        "x" * 300,
        "../../etc/passwd",
        "\x1b[31m",
        "\u202e",
        "\0",
        '"',
        "'",
        '"cat',
        "=1+1",
        "~",
        "~nobody/a",
        "a\tb",
        "true",
    ),
    *("/", "//", "C:\\a.png", "\\\\host\\a", ".", "..", "train", "val", "\ufeff", "猫", "a" * 5000 + ".png"),
)
NAMES = ("file", "image_id", "class", "label", "split", "is_valid", "fold", "tags", "patient", "", "1", "\x1b", "class", "a;b", "x" * 200)
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "cp1252", "latin-1")
VALUES = (
    None,
    True,
    -1,
    1.5,
    10**30,
    float("inf"),
    float("NaN"),
    "",
    "x",
    "\x1b[31m\u202e",
    "\ud800",
    "x" * 300,
    [],
    [[]],
    {},
    {"a": 1},
    "../a",
)


def table(random):
    """Return the name and the bytes of a hostile table of numbers."""
    cells = [f"{random.random():.3g}" for _ in range(4)]
    rows = [list(cells) for _ in range(random.choice((0, 1, 1, 3, 400)))]
    for _ in range(random.choice((0, 0, 1, 3))):
        if rows:
            row = random.choice(rows)
            row[random.randrange(len(row))] = random.choice(CELLS)
    return "table.csv", _written(rows, random)


def listed(random):
    """Return the name and the bytes of a hostile list of files."""
    count = random.choice((1, 2, 2, 3, 5, 30))
    header = [random.choice(NAMES) for _ in range(count)]
    rows = [header] if random.random() < 0.6 else []
    for _ in range(random.choice((0, 1, 4, 4, 60))):
        row = [random.choice(CELLS) for _ in range(count)]
        row[0] = random.choice(("a.png", "b.png", "cat/c.png", row[0]))
        row[-1] = random.choice(("cat", "dog", row[-1]))
        rows.append(row[: random.choice((count, count, count, 1))])
    return random.choice(("list.csv", "list.tsv")), _written(rows, random)


def _written(rows, random):
    separator, end = random.choice(",,,;\t| "), random.choice(("\n", "\n", "\r\n", "\r", "\n\n", "\u2028"))
    text = end.join(separator.join(row) for row in rows)
    data = text.encode(random.choice(ENCODINGS), "replace")
    return mutated(data, random) if len(data) > 1 and random.random() < 0.4 else data


def class_names(random):
    """Return the name and the bytes of a hostile file of the names of classes."""
    names = {folder: random.choice(("katze", "hund", *VALUES)) for folder in random.sample(("cat", "dog", "..", "", "x/y"), 3)}
    data = random.choice((json.dumps(names), json.dumps([*names.items()]), json.dumps(random.choice(VALUES)), "[" * 10**5, "", "9" * 5000))
    data = data.encode(random.choice(("utf-8", "utf-8", "utf-16")), "replace")
    return "names.json", mutated(data, random) if len(data) > 1 and random.random() < 0.4 else data


def record(random):
    """Return the name and the bytes of a hostile file of a run, or of a pack of weights."""
    name = random.choice(("settings.json", "result.json", "progress.jsonl", "manifest.json"))
    content = json.loads(json.dumps(SEEDS[name]))
    _spoil(content, random)
    data = json.dumps(content)
    if name == "settings.json" and random.random() < 0.7 and isinstance(content, dict) and isinstance(content.get("settings"), dict):
        data = json.dumps(content | {"settings": json.dumps(content["settings"])})
    data = data.encode() + b"\n"
    return name, data if random.random() < 0.5 else mutated(data, random)


def _spoil(content, random):
    """Put a value that nobody expects somewhere into a config."""
    while isinstance(content, dict | list) and content:
        place = random.choice([*content]) if isinstance(content, dict) else random.randrange(len(content))
        if not isinstance(content[place], dict | list) or random.random() < 0.3:
            if isinstance(content, dict) and random.random() < 0.2:
                del content[place]
            else:
                content[place] = random.choice(VALUES)
            return
        content = content[place]


SEEDS = {
    "settings.json": {
        "version": 1,
        "created": 1.7e9,
        "settings": {
            "kind": "RunSettings",
            "network": {"kind": "NetworkSpec", "architecture": "digits"},
            "data": {"kind": "DataSpec", "source": "folder", "path": "/nowhere"},
            "recipe": {"kind": "Recipe", "freeze": 4, "head": {"kind": "Head", "units": 8}, "phases": []},
        },
    },
    "result.json": {"kind": "RunResult", "state": "done", "seconds": 1.5, "history": [], "kept": 1, "trainable": ["a"], "notices": ["b"]},
    "progress.jsonl": {"kind": "Told", "seconds": 1.5, "step": {"kind": "TrainingStep", "what": "batch", "text": "a", "loss": 0.5}},
    "manifest.json": {"files": [{"file": "a.h5", "architecture": "VGG16", "size": 3, "md5": "0" * 32}]},
}

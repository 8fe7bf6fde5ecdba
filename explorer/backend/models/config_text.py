"""The config texts of models, JSON and YAML, parsed as plain data within limits, before Keras sees them."""

from __future__ import annotations

import json
import math
from typing import Any

import yaml

from explorer.backend.runtime.refusals import reason
from explorer.errors import UnreadableModel
from explorer.locale import _, megabytes

LARGEST = 64 * 2**20  # bytes of a config; the largest of Keras's own have some 5 MB
LARGEST_YAML = 4 * 2**20  # bytes; the largest of Keras's own have 1.3 MB, and reading takes a second or two for each MB
MOST_NODES = 500_000  # of a parsed text with its aliases expanded; Keras's largest networks have some 100,000


def from_json(text: str | bytes, name: str) -> Any:
    """Return the content of a JSON text. Raises UnreadableModel for invalid JSON, and for more nodes than any network needs."""
    commas = text.count(b",") if isinstance(text, bytes) else text.count(",")
    if commas > MOST_NODES:
        raise _too_long(name)
    try:
        content = json.loads(text)
        nodes = _nodes(content, {})
    except (ValueError, RecursionError) as error:
        raise UnreadableModel(_("{name} is not valid JSON: {why}.").format(name=name, why=_json_problem(error))) from error
    if nodes > MOST_NODES:
        raise _too_long(name)
    return content


def from_yaml(text: str | bytes, name: str) -> Any:
    """Return the content of a YAML text as JSON's types: lists, dicts with string keys, strings, numbers.

    Raises UnreadableModel as `from_json` does, and for tags that would create Python objects.
    """
    if len(text) > LARGEST_YAML:
        raise UnreadableModel(
            _("{name} has {size} MB, and a YAML topology may have {limit} MB: save it as JSON or .keras.").format(
                name=name, size=megabytes(len(text)), limit=megabytes(LARGEST_YAML)
            )
        )
    try:
        for index, _event in enumerate(yaml.parse(text, Loader=_Loader)):
            if index > MOST_NODES:
                raise _too_long(name)
        content = yaml.load(text, Loader=_Loader)  # noqa: S506  # a SafeLoader
        if _nodes(content, {}) > MOST_NODES:
            raise UnreadableModel(_("{name} repeats itself without end: it is not opened.").format(name=name))
        return json.loads(json.dumps(content))
    except UnreadableModel:
        raise
    except yaml.constructor.ConstructorError as error:
        if "could not determine a constructor" in str(error.problem):
            raise UnreadableModel(_("{name} asks for Python objects, which might run code: it is not opened.").format(name=name)) from error
        raise UnreadableModel(_foreign_yaml(name)) from error
    except yaml.YAMLError as error:
        raise UnreadableModel(_("{name} is not valid YAML: {why}.").format(name=name, why=_yaml_problem(error))) from error
    except (ValueError, TypeError, RecursionError, OverflowError, AttributeError, KeyError) as error:  # dates, sets, deep nesting
        raise UnreadableModel(_foreign_yaml(name)) from error


def _json_problem(error: Exception) -> str:
    """Return the reason why a JSON text can't be parsed."""
    if isinstance(error, RecursionError):
        return _("it is nested too deep")
    return _("it is not in UTF-8") if isinstance(error, UnicodeDecodeError) else reason(error)


def _foreign_yaml(name: str) -> str:
    return _("{name} holds what no topology does, such as dates or lists as names: save it from Keras again, as JSON or .keras.").format(
        name=name
    )


def _yaml_problem(error: yaml.YAMLError) -> str:
    """Return the reason why a YAML text can't be parsed, and the line."""
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    if mark is None or not problem:
        return reason(error)
    return _("{problem} in line {line}").format(problem=problem, line=mark.line + 1)


def _too_long(name: str) -> UnreadableModel:
    return UnreadableModel(
        _("{name} describes more than any network needs ({limit} entries at most): it is not opened.").format(
            name=name, limit=f"{MOST_NODES:,}"
        )
    )


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # libyaml's, if available, is ten times as fast
    """A safe loader that also knows the tuples and strings that Keras 1 and 2 wrote with Python tags."""


_Loader.add_constructor("tag:yaml.org,2002:python/tuple", yaml.SafeLoader.construct_yaml_seq)
_Loader.add_constructor("tag:yaml.org,2002:python/unicode", yaml.SafeLoader.construct_yaml_str)


def _nodes(value: Any, sizes: dict[int, float]) -> float:
    """Return how many nodes a value has with its aliases expanded; infinite if it contains itself."""
    if not isinstance(value, dict | list):
        return 1
    if id(value) not in sizes:
        sizes[id(value)] = math.inf
        sizes[id(value)] = 1 + sum(_nodes(child, sizes) for child in (value.values() if isinstance(value, dict) else value))
    return sizes[id(value)]

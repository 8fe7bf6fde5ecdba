import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from babel.messages import extract, pofile

from explorer.locale import counted, size_text

PACKAGE = Path(__file__).parents[1] / "explorer"
KEYWORDS = {"_": None, "counted": (1, 2)}  # what the words of the interface are the arguments of, and which


@cache
def nodes():
    """Return every node of the code, in a list for each file."""
    return {path: list(ast.walk(ast.parse(path.read_text(encoding="utf-8")))) for path in PACKAGE.rglob("*.py")}


def of_kind(kind):
    """Return (file, node) of each node of a kind in the whole code."""
    return [(path, node) for path, found in nodes().items() for node in found if isinstance(node, kind)]


def where(path, node):
    return f"{path.relative_to(PACKAGE)}:{node.lineno}"


def words():
    """Return (file, argument) of each argument that is to be translated, as the trees of the code have it."""
    calls = [(path, call) for path, call in of_kind(ast.Call) if isinstance(call.func, ast.Name) and call.func.id in KEYWORDS]
    return [(path, argument) for path, call in calls for argument in call.args[: len(KEYWORDS[call.func.id] or "1")]]


@pytest.fixture(scope="module")
def in_code():
    found = {argument.value for _path, argument in words() if isinstance(argument, ast.Constant)}
    assert found
    return found


def test_the_template_holds_every_word_of_the_interface(in_code):
    with (PACKAGE / "locale" / "explorer.pot").open(encoding="utf-8") as template:
        ids = [message.id for message in pofile.read_po(template) if message.id]
    assert {one for text in ids for one in ([text] if isinstance(text, str) else text)} == in_code, "run: make words"


def test_babel_finds_every_word_of_the_interface(in_code):
    texts = [message for _file, _line, message, *_rest in extract.extract_from_dir(PACKAGE, keywords=KEYWORDS)]
    assert {one for text in texts for one in ([text] if isinstance(text, str) else text)} == in_code


def test_words_are_plain_texts_that_can_be_translated():
    """The template can hold nothing else."""
    assert not [where(*one) for one in words() if not isinstance(one[1], ast.Constant)]


def test_nothing_else_is_called_as_the_functions_that_translate():
    """Babel reads names, not Python: from 2.19 on, it takes `counted[0]` for a call too, and misses the words that follow."""
    called = {id(call.func) for _path, call in of_kind(ast.Call)}
    named = [
        (path, node)
        for path, node in of_kind(ast.AST)
        if next((getattr(node, field) for field in ("id", "arg", "attr", "name") if hasattr(node, field)), None) in KEYWORDS
    ]
    others = [
        (path, node) for path, node in named if not isinstance(node, ast.alias) and not (isinstance(node, ast.Name) and id(node) in called)
    ]
    assert not [where(*one) for one in others if one[0] != PACKAGE / "locale" / "__init__.py"]


def test_no_word_stands_inside_an_f_string():
    """None there gets into the template."""
    inside = [
        (path, node)
        for path, text in of_kind(ast.JoinedStr)
        for node in ast.walk(text)
        if isinstance(node, ast.Name) and node.id in KEYWORDS
    ]
    assert not [where(*one) for one in inside]


def test_numbers_get_the_form_that_fits_them():
    assert counted("{number} layer", "{number} layers", 1) == "1 layer"
    assert counted("{number} layer", "{number} layers", 1041) == "1,041 layers"


def test_a_catalogue_of_the_users_language_is_used(tmp_path):
    folder = tmp_path / "fr" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    header = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\n'
    (folder / "explorer.po").write_text(header + 'msgid "Answers"\nmsgstr "Réponses"\n')
    subprocess.run([sys.executable, "-m", "babel.messages.frontend", "compile", "-D", "explorer", "-d", tmp_path, "-l", "fr"], check=True)
    code = f"""
import gettext, pathlib
real = gettext.translation
gettext.translation = lambda domain, localedir, fallback: real(domain, localedir=pathlib.Path({str(tmp_path)!r}), fallback=fallback)
from explorer.locale import _
print(_("Answers"), _("Samples"))
"""
    said = subprocess.run(
        [sys.executable, "-c", code], env={"LANGUAGE": "fr", "PYTHONUTF8": "1"}, capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "Réponses Samples"


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "1 kB"), (11_543, "11 kB"), (2**20, "1.0 MB"), (350 * 2**20, "350 MB"), (8 * 2**30, "8.0 GB"), (1e30, "more than 1,000 TB")],
)
def test_a_size_is_told_in_the_unit_that_suits_it(size, text):
    assert size_text(size) == text

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from babel.messages import extract, pofile

from explorer.locale import counted, size_text

PACKAGE = Path(__file__).parents[1] / "explorer"
KEYWORDS = {"_": None, "counted": (1, 2)}  # what the words of the interface are the arguments of, and which


def read(path):
    """Yield (what it is, where it is, the node) of what a file has to do with words."""
    nodes = [*ast.walk(ast.parse(path.read_text(encoding="utf-8")))]
    calls = [node for node in nodes if isinstance(node, ast.Call) and getattr(node.func, "id", None) in KEYWORDS]
    called = {id(call.func) for call in calls}
    for call in calls:
        yield from (("word", path, argument) for argument in call.args[: len(KEYWORDS[call.func.id] or "1")])
    for node in nodes:
        name = next((getattr(node, field) for field in ("id", "arg", "attr", "name") if field in node._fields), None)
        if name in KEYWORDS and not isinstance(node, ast.alias) and id(node) not in called:
            yield "namesake", path, node
        if isinstance(node, ast.JoinedStr) and any(getattr(inner, "id", None) in KEYWORDS for inner in ast.walk(node)):
            yield "f-string", path, node


@pytest.fixture(scope="module")
def found():
    return [one for path in PACKAGE.rglob("*.py") for one in read(path)]


@pytest.fixture(scope="module")
def in_code(found):
    return {node.value for what, _path, node in found if what == "word" and isinstance(node, ast.Constant)}


def places(found, what, allowed=lambda path, node: False):
    """Return where in the code there is something that is not allowed."""
    return [f"{path.relative_to(PACKAGE)}:{node.lineno}" for kind, path, node in found if kind == what and not allowed(path, node)]


def test_the_template_holds_every_word_of_the_interface(in_code):
    with (PACKAGE / "locale" / "explorer.pot").open(encoding="utf-8") as template:
        ids = [message.id for message in pofile.read_po(template) if message.id]
    assert {one for text in ids for one in ([text] if isinstance(text, str) else text)} == in_code, "run: make words"


def test_babel_finds_every_word_of_the_interface(in_code):
    texts = [message for _file, _line, message, *_rest in extract.extract_from_dir(PACKAGE, keywords=KEYWORDS)]
    assert {one for text in texts for one in ([text] if isinstance(text, str) else text)} == in_code


def test_words_are_plain_texts_that_can_be_translated(found, in_code):
    """The template can hold nothing else."""
    assert in_code
    assert not places(found, "word", lambda _path, node: isinstance(node, ast.Constant))


def test_nothing_else_is_called_as_the_functions_that_translate(found):
    """Babel reads names, not Python: from 2.19 on, it takes `counted[0]` for a call too, and misses the words that follow."""
    assert not places(found, "namesake", lambda path, _node: path == PACKAGE / "locale" / "__init__.py")


def test_no_word_stands_inside_an_f_string(found):
    """None there gets into the template."""
    assert not places(found, "f-string")


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

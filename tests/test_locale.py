import ast
import subprocess
import sys
from pathlib import Path

from babel.messages import extract, pofile

from explorer.locale import counted

PACKAGE = Path(__file__).parents[1] / "explorer"


def test_the_template_holds_every_word_of_the_interface():
    keywords = {"_": None, "counted": (1, 2)}
    found = {message for _file, _line, message, *_rest in extract.extract_from_dir(PACKAGE, keywords=keywords)}
    with (PACKAGE / "locale" / "explorer.pot").open() as template:
        held = {message.id for message in pofile.read_po(template) if message.id}
    assert held == found, "run: make words"


def test_words_are_plain_texts_that_can_be_translated():
    with (PACKAGE / "locale" / "explorer.pot").open() as template:
        held = {message.id for message in pofile.read_po(template)}
    for path in PACKAGE.rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "_":
                assert isinstance(call.args[0], ast.Constant), f"{path.name}:{call.lineno}: the template can only hold plain texts"
                assert call.args[0].value in held, f"{path.name}:{call.lineno}: no word inside an f-string gets into the template"


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

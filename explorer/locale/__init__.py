"""The interface's words: `_` looks a text up in the gettext catalogue of the user's language.

Catalogues lie beside this file as `LANGUAGE/LC_MESSAGES/explorer.mo`; `explorer.pot` is the template.
The language comes from LANGUAGE, LC_ALL, LC_MESSAGES or LANG, as gettext reads them.
"""

from __future__ import annotations

import gettext as _gettext
from pathlib import Path

_catalogue = _gettext.translation("explorer", localedir=Path(__file__).parent, fallback=True)


def _(text: str) -> str:
    """Return `text` in the user's language."""
    return _catalogue.gettext(text)


def counted(one: str, many: str, number: int) -> str:
    """Return the form of the text that fits `number`, with `{number}` filled in (thousands separated)."""
    return _catalogue.ngettext(one, many, number).format(number=f"{number:,}")


def megabytes(size: int) -> str:
    """Return a number of bytes in MB as the Keras guides count them (2**20 bytes), with one decimal below 10."""
    return f"{size / 2**20:.1f}" if size < 10 * 2**20 else f"{size / 2**20:.0f}"


def size_text(size: float) -> str:
    """Return a number of bytes in the unit that suits it: "1 kB" (the least), "350 kB", "5.2 MB", "8.0 GB"."""
    for unit in ("kB", "MB", "GB", "TB"):
        size /= 2**10
        if size < 1000:
            return f"{max(1, size):.0f} {unit}" if size >= 10 or unit == "kB" else f"{size:.1f} {unit}"
    return _("more than 1,000 TB")

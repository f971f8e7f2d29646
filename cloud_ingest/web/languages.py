# SPDX-License-Identifier: MIT
"""The languages of the pages: English, and one for each catalogue ``locale/*.po``.

In: a visitor's choice and what the browser asks for. Out: a language, its translations.
"""

import functools
import io
from gettext import NullTranslations
from importlib.resources import files
from typing import Final

from babel import Locale
from babel.core import UnknownLocaleError, negotiate_locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

ENGLISH: Final = "en"


@functools.cache
def languages() -> tuple[str, ...]:
    """Return the codes of all languages, English first."""
    names = (each.name for each in files(__package__).joinpath("locale").iterdir())
    return (ENGLISH, *sorted(name.removesuffix(".po") for name in names if name.endswith(".po")))


@functools.cache
def translations(language: str) -> NullTranslations:
    """Return the sentences of a language."""
    if language == ENGLISH:
        return NullTranslations()
    with files(__package__).joinpath("locale", f"{language}.po").open("rb") as file:
        catalogue = read_po(file, locale=language)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)


def language_for(chosen: str | None, accepted: str) -> str:
    """Return the language for a visitor: what was chosen, or what the browser accepts best."""
    if chosen in languages():
        return chosen or ENGLISH
    wanted = [
        part.partition(";")[0].strip().replace("-", "_") for part in accepted[:200].split(",")
    ]
    return negotiate_locale([each for each in wanted if each], languages()) or ENGLISH


def name_of(language: str) -> str:
    """Return what a language calls itself."""
    try:
        return Locale.parse(language).get_display_name() or language
    except (UnknownLocaleError, ValueError):
        return language

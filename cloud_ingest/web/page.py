# SPDX-License-Identifier: MIT
"""A page: a template with its values, in the visitor's language.

There is one environment a language. A template escapes each value; one that it names and nobody
gave is an error. Sentences are whole: ``_("%(unit)s was read on %(day)s", unit=…, day=…)``.

In: a request, a template, values. Out: an answer. Never: a value that passes unescaped.
"""

import functools
import re
from datetime import date, datetime
from typing import Any, Final

from fastapi import Request
from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup
from starlette.responses import HTMLResponse, RedirectResponse, Response

from cloud_ingest.web import forms, shown
from cloud_ingest.web.languages import languages, name_of, translations
from cloud_ingest.web.notices import NOTICES
from cloud_ingest.web.static_files import static_url
from cloud_ingest.web.words import WORDS

SMOOTH: Final = Markup(
    """hx-trigger="submit, change" """
    """hx-boost:inherited='{"target":"#content","select":"#content","swap":"outerMorph"}'"""
)
"""Of a form that filters, or of a list of links: the page's content is changed without a new page.

Without scripts they load the page that they name.
"""

UNSEEN: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Control characters that a store of before may have: no browser shows them, some obey them."""


def page(request: Request, template: str, status: int = 200, **values: Any) -> Response:
    """Write a page."""
    state = request.state
    found = _environment(state.language).get_template(template)
    notice = NOTICES.get(request.query_params.get("said", ""))
    text = found.render(
        request=request,
        visitor=state.visitor,
        csrf=functools.partial(_csrf_field, state.csrf),
        zone=state.zone,
        lang=state.language,
        notice=notice,
        **values,
    )
    return HTMLResponse(UNSEEN.sub("\N{REPLACEMENT CHARACTER}", text), status)


def see_other(path: str, **query: object) -> Response:
    """Send a browser on, after a form was taken."""
    return RedirectResponse(shown.url(path, **query), 303)


@functools.cache
def _environment(language: str) -> Environment:
    made = Environment(
        loader=PackageLoader(__package__ or "", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found = translations(language)
    made.install_gettext_callables(found.gettext, found.ngettext, newstyle=True)  # type: ignore[attr-defined]
    made.filters |= {
        "number": shown.number,
        "quantity": shown.quantity,
        "local": _local,
        "day": functools.partial(_day, language),
        "month_name": functools.partial(_month_name, language),
        "word": lambda word: found.gettext(WORDS.get(word, word)),
    }
    made.globals |= {
        "url": shown.url,
        "static": static_url,
        "smooth": SMOOTH,
        "languages": {code: name_of(code) for code in languages()},
    }
    return made


@pass_context
def _local(context: Context, at: datetime | None) -> str:
    return shown.local(at, context["zone"], context["lang"])


def _day(language: str, on: date) -> str:
    return shown.day(on, language)


def _month_name(language: str, month: str) -> str:
    return shown.month_name(month, language)


def _csrf_field(token: str) -> Markup:
    """Return the hidden field that every form which changes something has."""
    return Markup('<input type="hidden" name="{}" value="{}">').format(
        forms.FIELD, forms.masked(token)
    )

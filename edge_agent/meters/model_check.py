# SPDX-License-Identifier: GPL-2.0-only
"""The check of a model's file: every mistake at once, with its line and the allowed values.

In: the text of a TOML file. Out: a `Mistake` for each.
Never: an error raised; a rule of its own: `model.Model` alone says what a model may hold.
"""

import tomllib

from pydantic import ValidationError

from edge_agent.meters.model import Model, document
from shared_schema.settings.mistakes import Mistake, not_toml, refused


def mistakes(text: str) -> list[Mistake]:
    """Return everything that is wrong in a model's file; none: it can be used."""
    try:
        found = document(text)
    except tomllib.TOMLDecodeError as error:
        return [not_toml(error, text)]
    try:
        Model.model_validate(found)
    except ValidationError as error:
        return list(refused(error, found, text, Model).values())
    return []

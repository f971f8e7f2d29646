# SPDX-License-Identifier: MIT
"""All mistakes of settings in one reading of theirs.

Pydantic compares the keys of a table only if each of them is right. So what is wrong is replaced
by something that is right, and the rest is read again, until nothing new is found.

In: the error of the first reading, what was read. Out: every mistake, in the order of the file.
Never: settings that are used.
"""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from shared_schema.settings.mistakes import Mistake, refused
from shared_schema.settings.toml_lines import Place

_ROUNDS: Final = 8
"""After so many readings the mistakes that are found so far are told."""


@dataclass(frozen=True, slots=True)
class Mender:
    """What can stand in the place of something wrong."""

    items: Mapping[str, tuple[str, ...]]
    """The lists of tables, and what an item of each needs."""
    right: Callable[[str, str, int, dict[str, Any]], Any]
    """Takes the dotted path of a key, the key, a number that no other mistake has, and its table.
    It returns what can stand there; None where nothing needs to."""

    def mend(self, document: dict[str, Any], place: Place, meant: str, number: int) -> None:
        """Put something right where a mistake is.

        Args:
            document: what is read next.
            place: of the mistake.
            meant: the key that was probably meant by an unknown one.
            number: of the mistake: what must differ from others is made of it.
        """
        path = ".".join(part for part in place if isinstance(part, str))
        if isinstance(place[-1], int) and path not in self.items:
            return self.mend(document, place[:-1], meant, number)
        here: Any = document
        for part in place[:-1]:
            here = here[part]
        last = place[-1]
        if isinstance(last, int):
            kept = here[last] if isinstance(here[last], dict) else {}
            here[last] = {
                key: kept.get(key, self.right(f"{path}.{key}", key, number, kept))
                for key in self.items[path]
            }
        elif (right := self.right(path, last, number, here)) is not None:
            here[last] = right
        else:
            wrong = here.pop(last, None)
            if meant and meant not in here and wrong is not None:
                here[meant] = wrong
        return None


def all_mistakes(
    error: ValidationError,
    document: dict[str, Any],
    text: str,
    table: type[BaseModel],
    *,
    variables: Mapping[Place, str],
    mender: Mender,
    prepared: Callable[[dict[str, Any]], Any] = lambda document: document,
) -> list[Mistake]:
    """Return every mistake.

    Args:
        error: what the model raised first.
        document: what the text and the variables say.
        text: the file.
        table: the model of the whole file.
        variables: which variable of the environment stood at a place.
        mender: what can stand in the place of something wrong.
        prepared: makes of a document what the model reads.
    """
    mended = copy.deepcopy(document)
    found: dict[Place, Mistake] = {}
    for _ in range(_ROUNDS):
        anew = refused(error, document, text, table, variables)
        if anew.keys() <= found.keys():
            break
        for place, mistake in anew.items():
            found.setdefault(place, mistake)
            if place:
                meant = mistake.near if mistake.is_key_unknown else ""
                mender.mend(mended, place, meant, len(found))
        try:
            table.model_validate(prepared(copy.deepcopy(mended)))
        except ValidationError as again:
            error = again
        else:
            break
    return sorted(found.values(), key=lambda each: each.line or 0)

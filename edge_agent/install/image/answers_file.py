# SPDX-License-Identifier: GPL-2.0-only
"""Answers from a file and from options: an option counts before the file.

In: a path, what the options say. Out: `Answers`, or an error that names every mistake.
Never: a file written.
"""

import tomllib
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from edge_agent.errors import ConfigurationError, Setup
from edge_agent.install.enrolment import read_invitation
from edge_agent.install.image.answers import Answers
from shared_schema.settings.mistakes import not_toml, refused, told
from shared_schema.settings.toml_lines import parsed

_PATHS: Final = ("package", "invitation")
_DIRECTORY: Final = "ssh_key_files"


def read_answers(path: Path | None, given: dict[str, Any]) -> Answers:
    """Return what is said of one gateway.

    Args:
        path: answers.toml; relative paths in it begin at its folder.
        given: what options say, by the names of the file; None counts as not said.

    Raises:
        ConfigurationError: a file cannot be read; every mistake, each with its place.
    """
    text = "" if path is None else _text(path)
    try:
        document = parsed(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path}: {not_toml(error, text)}", of=Setup.SETTINGS) from None
    if path is not None:
        _anchor(document, path.absolute().parent)
    said = _merged(document, given)
    files = said.pop(_DIRECTORY, None)
    if isinstance(files, list | tuple):
        said["ssh_keys"] = [*said.get("ssh_keys", ()), *(k for f in files for k in _keys(Path(f)))]
    if "gateway" not in said and isinstance(said.get("invitation"), str | Path):
        said["gateway"] = read_invitation(Path(said["invitation"]))[0].gateway
    try:
        return Answers.model_validate(said)
    except ValidationError as error:
        mistakes = list(told(refused(error, said, text, Answers).values()))
    where = "" if path is None else f"{path}: "
    if len(mistakes) == 1:
        raise ConfigurationError(f"{where}{mistakes[0]}", of=Setup.OPTION)
    raise ConfigurationError(f"{where}{len(mistakes)} mistakes").detailed(mistakes)


def _merged(document: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Return the file's answers with those of the options in their places."""
    merged = dict(document)
    for key, value in given.items():
        if isinstance(value, dict):
            inner = merged.get(key)
            table = _merged(inner if isinstance(inner, dict) else {}, value)
            merged |= {key: table} if table else {}
        elif value is not None:
            merged[key] = value
    return merged


def _anchor(document: dict[str, Any], folder: Path) -> None:
    for key in _PATHS:
        if isinstance(document.get(key), str):
            document[key] = str(folder / document[key])
    wifi = document.get("wifi")
    if isinstance(wifi, dict) and isinstance(wifi.get("password_file"), str):
        wifi["password_file"] = str(folder / wifi["password_file"])
    files = document.get(_DIRECTORY)
    if isinstance(files, list):
        document[_DIRECTORY] = [str(folder / str(each)) for each in files]


def _keys(path: Path) -> list[str]:
    """Return the public keys of a file: one a line, as in ``id_ed25519.pub``."""
    text = _text(path)
    if "PRIVATE KEY" in text:
        raise ConfigurationError(
            f"{path} is a private key, which stays with you: name the .pub beside it"
        )
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"cannot read {path}: {error.strerror}", of=Setup.FILE) from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path} must be UTF-8 text", of=Setup.FILE) from None

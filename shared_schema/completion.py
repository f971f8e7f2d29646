# SPDX-License-Identifier: MIT
"""Completion of a program's commands in bash, zsh and fish, as files that need no program to run.

A gateway takes a second to start Python, so the scripts hold every command and option themselves.

In: a program's commands, as click and typer have them. Out: the text of a script. Pure.
Never: a label of a unit or a meter.
"""

import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Final, Literal

Takes = Literal["nothing", "file", "text", "choice"]


@dataclass(frozen=True, slots=True)
class Option:
    """One name of an option."""

    name: str
    about: str
    takes: Takes
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Command:
    """One command, or a group of them."""

    path: str
    """Each word of it with a blank before: ``" config check"``; of the program itself: nothing."""
    commands: Mapping[str, str]
    """The commands of a group, and what each is for."""
    options: tuple[Option, ...]
    takes_files: bool


def commands_of(command: Any, path: str = "") -> Iterator[Command]:
    """Yield a program's commands, each group before its own."""
    names = command.list_commands(None) if hasattr(command, "list_commands") else ()
    inner = {name: command.get_command(None, name) for name in names}
    given = [each for each in command.params if not getattr(each, "hidden", False)]
    options = [
        _option(name, each)
        for each in given
        if each.param_type_name == "option"
        for name in (*each.opts, *each.secondary_opts)
    ]
    yield Command(
        path,
        {name: _about(each.help) for name, each in inner.items()},
        (*options, Option("--help", "Show this message and exit.", "nothing")),
        any(each.param_type_name == "argument" and _takes(each) == "file" for each in given),
    )
    for name, each in inner.items():
        yield from commands_of(each, f"{path} {name}")


def _option(name: str, option: Any) -> Option:
    return Option(name, _about(option.help), _takes(option), _choices(option))


def _takes(parameter: Any) -> Takes:
    if getattr(parameter, "is_flag", False):
        return "nothing"
    if _choices(parameter):
        return "choice"
    return "file" if parameter.type_descriptor.annotation is Path else "text"


def _choices(parameter: Any) -> tuple[str, ...]:
    """Return the words that a parameter may hold; none: any."""
    return tuple(
        str(each.value if isinstance(each, Enum) else each)
        for each in parameter.type_descriptor.choices or ()
    )


def _about(text: str | None) -> str:
    return " ".join((text or "").split("\n\n")[0].split())


def bash(program: str, commands: list[Command]) -> str:
    """Write the completion for bash, as bash-completion loads it."""
    walk = _cases(_paths(commands), 12, '            at="$at $word"')
    more = 'mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- "$cur")'
    values = _values(
        commands,
        file=f"compopt -o filenames; {more}; return",
        text="return",
        choice=lambda words: f'COMPREPLY=($(compgen -W {_word(words)} -- "$cur")); return',
    )
    words = "".join(
        f"    {_word(each.path)}) words={_word(' '.join(_names(each)))} ;;\n" for each in commands
    )
    takers = [each.path for each in commands if each.takes_files]
    files = _cases(takers, 4, f"        compopt -o filenames; {more}")
    return f"""\
# {program}: completion for bash, made of the program's own commands.
_{_function(program)}() {{
    local cur=${{COMP_WORDS[COMP_CWORD]}} at= word words=
    COMPREPLY=()
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        case "$at $word" in
{walk}        esac
    done
    case "$at ${{COMP_WORDS[COMP_CWORD-1]}}" in
{values}    esac
    case "$at" in
{words}    esac
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
    case "$at" in
{files}    esac
}}
complete -F _{_function(program)} {program}
"""


def zsh(program: str, commands: list[Command]) -> str:
    """Write the completion for zsh: a file on its ``fpath``."""
    walk = _cases(_paths(commands), 12, '            at="$at $word"')
    values = _values(
        commands,
        file="_files; return",
        text="_message text; return",
        choice=lambda words: f"compadd -- {words}; return",
    )
    lists = "".join(
        f"    {_word(each.path)})\n"
        f"        commands=({_described(each.commands)})\n"
        f"        options=({_described({o.name: o.about for o in each.options})})\n"
        + ("        takes_files=1\n" if each.takes_files else "")
        + "        ;;\n"
        for each in commands
    )
    return f"""\
#compdef {program}
# {program}: completion for zsh, made of the program's own commands.
local at= word takes_files=
local -a commands options
for word in "${{(@)words[2,CURRENT-1]}}"; do
        case "$at $word" in
{walk}        esac
done
case "$at ${{words[CURRENT-1]}}" in
{values}esac
case "$at" in
{lists}esac
(( $#commands )) && _describe command commands
[[ $PREFIX == -* ]] && _describe -o option options
[[ -z $takes_files ]] || _files
"""


def fish(program: str, commands: list[Command]) -> str:
    """Write the completion for fish."""
    function = f"__{_function(program)}_is_at"
    paths = " ".join(map(_word, _paths(commands)))
    lines = []
    for each in commands:
        start = f"complete -c {program} -n {_word(f'{function} {_word(each.path)}')}"
        lines += [f"{start} -a {name} -d {_fish(about)}" for name, about in each.commands.items()]
        lines += [f"{start} {_fish_option(option)}" for option in each.options]
        lines += [f"{start} -F"] if each.takes_files else []
    text = "\n".join(lines)
    return f"""\
# {program}: completion for fish, made of the program's own commands.
function {function}
    set -l at
    for word in (commandline -opc)[2..-1]
        if contains -- "$at $word" {paths}
            set at "$at $word"
        end
    end
    test "$at" = "$argv[1]"
end
complete -c {program} -f
{text}
"""


FILES: Final[Mapping[str, Callable[[str, list[Command]], str]]] = {
    "bash-completion/completions/{}": bash,
    "zsh/vendor-completions/_{}": zsh,
    "fish/vendor_completions.d/{}.fish": fish,
}
"""Where each shell looks below ``/usr/share`` (Debian), and what stands there."""


def write(program: str, command: Any, share: Path) -> None:
    """Write the files of a program below a folder such as ``/usr/share``."""
    commands = list(commands_of(command))
    for place, script in FILES.items():
        file = share / place.format(program)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(script(program, commands), encoding="utf-8")


def _function(program: str) -> str:
    return program.replace("-", "_")


def _word(text: str) -> str:
    """Return a text as one word of any of the shells."""
    return shlex.quote(text) if text else "''"


def _paths(commands: list[Command]) -> list[str]:
    return [each.path for each in commands if each.path]


def _names(command: Command) -> list[str]:
    return [*command.commands, *(each.name for each in command.options)]


def _cases(paths: list[str], indent: int, then: str, end: str = " ;;") -> str:
    """Write one branch for several paths; none for no path."""
    return f"{' ' * indent}{'|'.join(map(_word, paths))})\n{then}{end}\n" if paths else ""


def _values(commands: list[Command], *, file: str, text: str, choice: Callable[[str], str]) -> str:
    """Write a branch for each option that wants a value."""
    return "".join(
        f"    {_word(f'{command.path} {option.name}')}) {then} ;;\n"
        for command in commands
        for option in command.options
        if option.takes != "nothing"
        for then in [
            {"file": file, "text": text}.get(option.takes) or choice(" ".join(option.choices))
        ]
    )


def _described(words: Mapping[str, str]) -> str:
    return " ".join(_word(f"{name}:{about}") for name, about in words.items())


def _fish(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _fish_option(option: Option) -> str:
    name = f"-l {option.name[2:]}" if option.name.startswith("--") else f"-s {option.name[1:]}"
    takes = {
        "nothing": "",
        "file": " -r -F",
        "text": " -x",
        "choice": f" -x -a {_fish(' '.join(option.choices))}",
    }[option.takes]
    return f"{name}{takes} -d {_fish(option.about)}"

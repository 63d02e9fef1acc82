"""How a command line is read: a command, and its choices as words, as options, or both; and the help that it has."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from meshproof.choices import Choices, words_of
from meshproof.errors import BadInput
from meshproof.word import Word, nearest

Typed = tuple[str, str, str]  # as it was typed, name, value
_FLAGS = ("-v", "--verbose", "-h", "--help")


@dataclass(frozen=True)
class Command:
    """A command: what it does, and an example of its choices, or why it takes none."""

    run: Callable[[Choices], int]
    example: str = ""
    alone: str = ""

    @property
    def about(self) -> str:
        """What it does, in a sentence."""
        return self.run.__doc__ or ""


@dataclass(frozen=True)
class Asked:
    """What a command line asks for."""

    command: str
    choices: Choices
    verbose: bool


def read(
    argv: Sequence[str],
    commands: Mapping[str, Command],
    choices: type[Choices] = Choices,
    program: str = "meshproof",
) -> Asked:
    """Read a command line: a command, and its choices as words, as options, or both.

    Raises:
        BadInput: It cannot be read, or contradicts itself.
        SystemExit: Help was asked for, and given.
    """
    first = next((word for word in argv if word not in _FLAGS), None)
    if first is not None and first not in commands:
        raise BadInput(f"{first}: unknown command{nearest(first, commands)}; known are {', '.join(commands)}")
    options, rest = _parser(commands, choices, program).parse_known_args(argv)
    name = str(options.command)
    words = words_of(name, choices)
    found = [word for word, equals, value in (each.partition("=") for each in rest) if value or not equals]
    if found and not words:
        raise BadInput(f"{name} takes no choices, found {', '.join(found)}: {commands[name].alone}")
    given = _merged(_typed(options, rest, words))
    return Asked(name, choices.parse(given, name), "verbose" in options)


class _Parser(argparse.ArgumentParser):
    """One that refuses like everything else here, in one line."""

    def error(self, message: str) -> NoReturn:
        raise BadInput(f"{message}; `{self.prog} --help` says what is expected")


class _Formatter(argparse.HelpFormatter):
    """One with room for the longest option beside its help."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=32)


def _parser(commands: Mapping[str, Command], choices: type[Choices], program: str) -> argparse.ArgumentParser:
    """Commands, and each with the options that it takes; words are what is left over."""
    common = _Parser(add_help=False)
    common.add_argument(
        "-v", "--verbose", action="store_true", default=argparse.SUPPRESS, help="tell what is run and waited for"
    )
    parser = _Parser(
        prog=program,
        description="Proves kgateway's Istio integration on a cluster.",
        epilog=f"`{program} COMMAND --help` says what may be chosen.",
        parents=[common],
    )
    each_of = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands", required=True)
    for name, command in commands.items():
        words = words_of(name, choices)
        each = each_of.add_parser(
            name,
            help=command.about.rstrip("."),
            description=command.about,
            usage=f"{program} {name} [-v]{' [WORD=VALUE | --word VALUE] ...' if words else ''}",
            epilog=f"for example: {program} {name} {command.example}" if words else f"no choices: {command.alone}",
            parents=[common],
            allow_abbrev=False,
            formatter_class=_Formatter,
        )
        group = each.add_argument_group("choices, as options or as words (NAME=mine is --name mine)")
        for word in words.values():
            about = word.meaning(name).replace("%", "%%")
            if word.flag:
                group.add_argument(
                    word.option, dest=word.name, default=[], action="append_const", const="1", help=about
                )
            else:
                group.add_argument(
                    word.option, dest=word.name, default=[], action="append", metavar="VALUE", help=about
                )
    return parser


def _typed(options: argparse.Namespace, rest: Sequence[str], words: Mapping[str, Word]) -> Iterable[Typed]:
    """What was typed, word by word, with name and value."""
    for word in words.values():
        for value in getattr(options, word.name):
            yield f"{word.option}{'' if word.flag else f' {value}'}", word.name, value
    for typed in rest:
        name, equals, value = typed.partition("=")
        if typed.startswith("-"):
            known = [word.option for word in words.values()]
            raise BadInput(f"{name}: unknown option{nearest(name, known)}; known are {', '.join(known)}")
        if not equals:
            raise BadInput(f"{typed!r}: expected NAME=VALUE")
        yield typed, name, value


def _merged(given: Iterable[Typed]) -> Mapping[str, str]:
    """Values by name; an empty one counts as not given, so that make can pass all of them."""
    merged: dict[str, tuple[str, str]] = {}
    for typed, name, value in filter(lambda each: each[2], given):
        before, same = merged.setdefault(name, (typed, value))
        if value != same:
            raise BadInput(f"{before} and {typed} contradict each other: give one of them")
    return {name: value for name, (_, value) in merged.items()}

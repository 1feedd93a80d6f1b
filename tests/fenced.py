"""The fenced blocks of the project's Markdown files, and the commands in them."""

import re
import shlex
from pathlib import Path

import click

ROOT = Path(__file__).parents[1]


def documents():
    """Return every Markdown file that people read: at the root, in docs/, jobs/, infra/, bench/, models/."""
    folders = ("docs", "jobs", "infra", "bench", "models")
    return sorted([*ROOT.glob("*.md"), *(p for f in folders for p in (ROOT / f).rglob("*.md"))])


def blocks(text, language):
    """Return the text of every fenced block of a language, in order."""
    found, lines = [], None
    for line in text.splitlines():
        if lines is None and line.strip() == f"```{language}":
            lines = []
        elif lines is not None and line.strip() == "```":
            found.append("\n".join(lines))
            lines = None
        elif lines is not None:
            lines.append(line)
    return found


def commands(text, program=None):
    """Return the words of every command of a shell text, of one program or of all; comments are none."""
    lines = text.replace("\\\n", " ").splitlines()
    parsed = (_without_settings(shlex.split(line, comments=True)) for line in lines)
    return [words for words in parsed if words and program in (None, words[0])]


def _without_settings(words):
    """Return a command without the NAME=value in front of it."""
    first = next((n for n, w in enumerate(words) if not re.match(r"[A-Z_]+=", w)), len(words))
    return words[first:]


def parse(words):
    """Return the parameters that `eomap WORDS` sets; raise click.ClickException where it does not parse."""
    from eomap.cli import app

    command, rest = app, list(words)
    while isinstance(command, click.Group):
        name = rest.pop(0)
        if name.startswith("-"):  # an option of the group itself, --help or --version
            return {}
        command = command.commands[name]
    given = [w for w in rest if w != "--help"]
    return command.make_context(command.name, given).params if given == rest else {}

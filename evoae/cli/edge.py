"""Finds the command that was typed, and turns errors into one sentence and an exit code.

Exit codes: 0 done, 1 the run failed, 2 the request was wrong, 130 interrupted.
"""

from __future__ import annotations

import difflib
import errno
import os
import sys
import traceback
from importlib import import_module
from typing import Any

import click

from evoae.errors import DiskFullError, EvoaeError, SearchError

_WRONG_PATH = {
    *(errno.ENOENT, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR)
}


class Edge(click.Group):
    """A group that loads a command when it is called, and speaks every error once.

    Args:
        sections: title -> command -> one-line help, in the order of the help page. A command NAME
            is the attribute `command` of `evoae.cli.NAME`, and has its one-line help from here.
    """

    def __init__(
        self, *args: Any, sections: dict[str, dict[str, str]] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.sections = sections or {}

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return every command's name, in the order of the help page."""
        return [name for commands in self.sections.values() for name in commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Load a command; None if there is none of that name."""
        for commands in self.sections.values():
            if cmd_name in commands:
                command: click.Command = import_module(f"evoae.cli.{cmd_name}").command
                command.short_help = commands[cmd_name]
                return command
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the commands under their section titles, importing none of them."""
        for title, commands in self.sections.items():
            with formatter.section(title):
                formatter.write_dl(list(commands.items()))

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the one command to begin with."""
        formatter.write_paragraph()
        formatter.write("Quick start:  evoae search --config quickstart.yaml")

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Let `--debug` stand anywhere; `_say` looks whether it was typed."""
        return super().parse_args(ctx, [word for word in args if word != "--debug"])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that was typed; for a misspelt one name the nearest."""
        known = self.list_commands(ctx)
        near = difflib.get_close_matches(args[0], known, n=1)
        if near and args[0] not in known:
            raise click.UsageError(f"No such command '{args[0]}'; did you mean '{near[0]}'?", ctx)
        return super().resolve_command(ctx, args)

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run, and turn what was raised into a sentence and an exit code."""
        kwargs["standalone_mode"] = False
        try:
            code = super().main(*args, **kwargs)
        except click.ClickException as error:
            error.show()
            code = error.exit_code
        except (click.Abort, KeyboardInterrupt):
            click.echo("Stopped.", err=True)
            code = 130
        except EvoaeError as error:
            _say(error, str(error))
            code = 1 if isinstance(error, (SearchError, DiskFullError)) else 2
        except BrokenPipeError:  # whoever read our output has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = 0
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            _say(error, f"{where}{error.strerror or error}")
            code = 2 if error.errno in _WRONG_PATH else 1
        sys.exit(code if isinstance(code, int) else 0)


def _say(error: Exception, sentence: str) -> None:
    if "--debug" in sys.argv:
        traceback.print_exception(error)
    # It may quote a name or a file's bytes: no line break or terminal code gets through.
    shown = "".join(letter if letter.isprintable() else " " for letter in sentence)
    click.echo(f"Error: {shown}", err=True)

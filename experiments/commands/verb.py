"""What all verbs share: ``--json``, errors in one line, exit codes."""

from __future__ import annotations

import os
from typing import Any

import click

from ...spaces.errors import ConfigError, CosearchError
from .output import show_json

OK, ERROR, CONFIG, INFEASIBLE, INTERRUPTED = 0, 1, 2, 3, 130
"""Exit codes."""

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
set_option = click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change a setting: search.population=32. Repeatable."
)


class Verb(click.Command):
    """A command that returns its exit code and shows errors without a traceback (``COSEARCH_DEBUG=1`` shows it)."""

    def invoke(self, ctx: click.Context) -> None:
        try:
            code = super().invoke(ctx)
        except CosearchError as error:
            self.fail(ctx, error, CONFIG if isinstance(error, ConfigError) else ERROR)
        except BrokenPipeError:
            raise
        except OSError as error:
            place = f"{error.filename}: " if error.filename else ""
            self.fail(
                ctx, CosearchError(f"{place}{error.strerror or error}", "check the path and its permissions"), ERROR
            )
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            ctx.exit(INTERRUPTED)
        else:
            ctx.exit(code or OK)

    def fail(self, ctx: click.Context, error: CosearchError, code: int) -> None:
        """Show an error and end."""
        if os.environ.get("COSEARCH_DEBUG") == "1":
            raise error
        if ctx.params.get("as_json"):
            show_json({"error": str(error), "problems": _problems(error)})
        click.echo(f"{error}", err=True)
        ctx.exit(code)


def _problems(error: CosearchError) -> list[dict[str, Any]]:
    found = error.problems if isinstance(error, ConfigError) else ()
    return [{"file": p.file, "line": p.line, "path": p.path, "message": p.message} for p in found]

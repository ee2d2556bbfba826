"""The command line: ``cosearch VERB``; each verb is a module of :mod:`cosearch.experiments.commands`."""

from __future__ import annotations

import difflib
from importlib import import_module

import click

VERBS = (
    "init",
    "validate",
    "run",
    "resume",
    "status",
    "pareto",
    "policy",
    "measure",
    "calibrate",
    "predict",
    "convert",
    "track",
    "list",
)

EPILOG = """\b
Examples:
  cosearch init                      write a first experiment
  cosearch run experiment.yaml       search; Ctrl-C saves
  cosearch pareto studies/first      the front as a table

\b
Exit codes: 0 ok, 1 error, 2 configuration, 3 no feasible design, 130 interrupted and saved.
"""


class LazyGroup(click.Group):
    """Imports a verb's module only when the verb is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        verb: click.Command = import_module(f".commands.{cmd_name}", __package__).command
        return verb

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0] if args else ""
        if name not in VERBS and not name.startswith("-"):
            close = difflib.get_close_matches(name, VERBS, n=1)
            guess = f"did you mean {close[0]!r}? " if close else ""
            raise click.UsageError(f"{name!r} is not a verb; {guess}known: {', '.join(VERBS)}", ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=LazyGroup, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="cosearch")
def main() -> None:
    """Hardware-aware design-space search: Pareto-optimal configurations that deploy as they are."""


if __name__ == "__main__":
    main()

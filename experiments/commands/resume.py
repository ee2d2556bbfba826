"""``cosearch resume``: go on with a study."""

from __future__ import annotations

import click

from .summary import show_summary
from .verb import Verb, json_option, set_option

EXAMPLES = """\b
Examples:
  cosearch resume studies/first
  cosearch resume first --set budget.trials=1000   a larger budget; kept for next time
"""


@click.command(cls=Verb, epilog=EXAMPLES)
@click.argument("study")
@set_option
@json_option
def command(study: str, overrides: tuple[str, ...], as_json: bool) -> int:
    """Go on with STUDY from where it was left.

    STUDY is its folder, or its name in studies/.
    """
    from ..configuration.locate import find_study
    from ..run import resume

    return show_summary(resume(find_study(study), overrides, progress=not as_json), as_json)

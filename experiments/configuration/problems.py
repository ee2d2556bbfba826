"""Everything that is wrong in a configuration, collected to be shown at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from ...spaces.errors import ConfigError, ConfigProblem, CosearchError
from .yaml_source import Document, KeyPath, dotted


class Problems:
    """Collects problems with their places.

    Args:
        document: Tells where each value was written.
    """

    def __init__(self, document: Document) -> None:
        self.document = document
        self._found: list[ConfigProblem] = list(document.problems)
        self._paths: list[KeyPath] = []

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, path: KeyPath, message: str) -> None:
        """Note what is wrong with the value at ``path``, and what to do; unreadable values were noted already."""
        if any(p.path == dotted(path) for p in self.document.problems):
            return
        mark = self.document.mark(path)
        shown = "" if mark.file == f"--set {dotted(path)}" else dotted(path)
        problem = ConfigProblem(mark.file, mark.line, shown, message)
        self._paths.append(path)
        if problem not in self._found:
            self._found.append(problem)

    def add_error(self, path: KeyPath, error: CosearchError) -> None:
        """Note an error that was raised for the value at ``path``."""
        self.add(path, str(error))

    def touch(self, path: KeyPath) -> bool:
        """Whether a problem was noted at ``path`` or below it."""
        below = any(p[: len(path)] == path for p in self._paths)
        prefix = dotted(path)
        return below or any(p.path == prefix or p.path.startswith(prefix + ".") for p in self.document.problems)

    def sorted(self) -> tuple[ConfigProblem, ...]:
        """All problems, by file and line."""
        return tuple(sorted(self._found, key=lambda p: (p.file, p.line, p.path)))

    def error(self) -> ConfigError:
        """One error with a line for each problem, and the count."""
        return as_error(self.sorted(), self.document.file)


def as_error(problems: tuple[ConfigProblem, ...], file: str) -> ConfigError:
    """One error that shows every problem of a file."""
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    text = "\n".join([*map(str, problems), f"{count} in {file}"])
    return ConfigError(text, "nothing was run", problems)


def nearest(name: str, known: Iterable[str]) -> str:
    """``did you mean 'x'? known: …``, without a guess when nothing is near; empty when nothing is known."""
    names = list(known)
    close = difflib.get_close_matches(name, names, n=1)
    guess = f"did you mean {close[0]!r}? " if close else ""
    return f"{guess}known: {', '.join(names)}" if names else ""

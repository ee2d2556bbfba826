"""The trial table: one SQLite file per study, one writer, any number of readers."""

from __future__ import annotations

import json
import math
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ..spaces.errors import StoreError
from .execution.evaluator import Chunk, Outcome
from .history import HistoryPoint
from .schema import BEGIN, FACT, FINISH, HELD_OUT, POINT, REPEAT, TABLES, VERSION
from .study_lock import StudyLock

FILE = "trials.sqlite"


class TrialStore:
    """Trials, their outcomes and the front's history.

    The writer holds a lock on the folder for as long as it lives, so a second writer is refused; readers open the
    file read-only and disturb nobody. Every method that writes is one transaction: after a kill at any moment the file
    holds exactly what was committed.

    Args:
        folder: The study's folder.
        connection: Open connection.
        lock: The writer's lock; None for readers.
    """

    def __init__(self, folder: Path, connection: sqlite3.Connection, lock: StudyLock | None) -> None:
        self.folder = folder
        self._db = connection
        self._lock = lock
        self._finished = int(self._scalar("SELECT COALESCE(MAX(finished) + 1, 0) FROM trials"))

    @classmethod
    def create(cls, folder: Path, meta: Mapping[str, Any]) -> Self:
        """Make the table in an existing folder.

        Raises:
            StoreError: When the folder holds a study, or cannot be written.
        """
        path = folder / FILE
        if path.exists():
            raise StoreError(f"{path} exists", "resume that study, or choose another folder")
        lock = StudyLock(folder)
        try:
            with _explained(path):
                connection = _connect(path)
                # One transaction: a study is there with all its facts, or not at all.
                with connection:
                    connection.executescript(f"BEGIN;{TABLES}PRAGMA user_version = {VERSION};")
                    connection.executemany(FACT, [(key, json.dumps(value)) for key, value in meta.items()])
                return cls(folder, connection, lock)
        except StoreError:
            lock.release()
            raise

    @classmethod
    def open(cls, folder: Path, *, readonly: bool = False) -> Self:
        """Open an existing table.

        Raises:
            StoreError: When it is missing, damaged, of another version, or another process writes it.
        """
        path = folder / FILE
        if not path.is_file():
            raise StoreError(f"{folder} holds no study ({FILE} is missing)", "see 'cosearch list studies'")
        lock = None if readonly else StudyLock(folder)
        try:
            with _explained(path):
                connection = _connect(path, readonly=readonly)
                version = connection.execute("PRAGMA user_version").fetchone()[0]
                if version == 0:
                    raise StoreError(f"the study in {folder} was never begun", "remove the folder and start again")
                if version != VERSION:
                    raise StoreError(
                        f"{path} has table version {version}, this cosearch reads {VERSION}", "use that release"
                    )
                return cls(folder, connection, lock)
        except StoreError:
            if lock:
                lock.release()
            raise

    # --- reading -------------------------------------------------------------------------------------------------

    def _scalar(self, sql: str, args: Sequence[Any] = ()) -> Any:
        return self._db.execute(sql, args).fetchone()[0]

    def meta(self) -> dict[str, Any]:
        """All study-wide facts."""
        return {key: json.loads(value) for key, value in self._db.execute("SELECT key, value FROM meta")}

    def rows(self, where: str = "1", args: Sequence[Any] = ()) -> Iterator[dict[str, Any]]:
        """Trials by id as dictionaries, JSON columns (``design``, ``values``, ``std``, ``count``) decoded.

        Args:
            where: SQL condition, written by the caller, with ``?`` for every value.
            args: The values.
        """
        cursor = self._db.execute(f"SELECT * FROM trials WHERE {where} ORDER BY id", args)  # noqa: S608  no outside text
        names = [column[0] for column in cursor.description]
        for record in cursor:
            row = dict(zip(names, record, strict=True))
            row["values"] = row.pop("vals")
            for key in ("design", "values", "std", "count"):
                row[key] = json.loads(row[key]) if row[key] else {}
            yield row

    def counts(self) -> dict[str, int]:
        """Number of trials in each state."""
        return dict(self._db.execute("SELECT state, COUNT(*) FROM trials GROUP BY state ORDER BY state").fetchall())

    def spent(self) -> float:
        """Full evaluations that the finished trials are worth, repeats excluded."""
        sql = "SELECT COALESCE(SUM(fidelity), 0) FROM trials WHERE state NOT IN ('running', 'duplicate')"
        return round(float(self._scalar(sql)), 9)

    def last_batch(self) -> int:
        """Number of the last ask; -1 before the first."""
        return int(self._scalar("SELECT COALESCE(MAX(batch), -1) FROM trials"))

    def last_change(self) -> float:
        """Unix time at which the last trial ended; 0 before the first."""
        return float(self._scalar("SELECT COALESCE(MAX(finished_at), 0) FROM trials"))

    def failures(self) -> list[tuple[str, int, int]]:
        """Failures by the last line of their message: (message, how many, id of the first), commonest first."""
        groups: dict[str, tuple[int, int]] = {}
        for trial, error in self._db.execute("SELECT id, error FROM trials WHERE error IS NOT NULL ORDER BY id"):
            line = error.strip().splitlines()[-1]
            count, first = groups.get(line, (0, trial))
            groups[line] = (count + 1, first)
        return sorted(((line, *pair) for line, pair in groups.items()), key=lambda row: (-row[1], row[2]))

    def history(self) -> list[HistoryPoint]:
        """The front over the trials."""
        return [HistoryPoint.from_row(row) for row in self._db.execute("SELECT * FROM history ORDER BY n")]

    def held_out(self) -> dict[int, dict[str, float]]:
        """Held-out metrics by trial id."""
        return {
            trial: json.loads(vals) for trial, vals in self._db.execute("SELECT id, vals FROM held_out ORDER BY id")
        }

    # --- writing -------------------------------------------------------------------------------------------------

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with _explained(self.folder / FILE), self._db:
            self._db.execute("BEGIN")
            yield self._db

    def set_meta(self, **facts: Any) -> None:
        """Write study-wide facts, each JSON-able."""
        with self._transaction() as db:
            db.executemany(FACT, [(key, json.dumps(value)) for key, value in facts.items()])

    def begin(self, chunk: Chunk, texts: Sequence[str], digests: Sequence[str], batch: int, told: int) -> None:
        """Record trials as running, before anybody works on them.

        Args:
            chunk: Ids, codes, seeds and fidelities.
            texts: Canonical JSON of each design.
            digests: Digest of each design.
            batch: Number of this ask.
            told: Trials that the strategy had been told before it.
        """
        columns = zip(chunk.ids.tolist(), digests, texts, chunk.seeds.tolist(), chunk.fidelities.tolist(), strict=True)
        rows = [(trial, batch, told, *facts, "running") for trial, *facts in columns]
        with self._transaction() as db:
            db.executemany(BEGIN, rows)

    def finish(self, outcome: Outcome, violations: NDArray[np.float64], point: HistoryPoint | None) -> None:
        """Record how trials ended, and the front after them.

        Args:
            outcome: The outcome.
            violations: Constraint violations, float64 [n]; inf for failed trials.
            point: The front's state, or None where it is not worth a row.
        """
        now = time.time()
        vals, std, count = _RowJson(outcome.values), _RowJson(outcome.std), _RowJson(outcome.count)
        rows = []
        for i, trial in enumerate(outcome.ids.tolist()):
            done = outcome.states[i] == "done"
            rows.append((
                outcome.states[i], self._finished + i, now, outcome.seconds, outcome.worker,
                float(violations[i]) if done else None, vals(i) if done else None, std(i) if done else None,
                count(i) if done else None, outcome.errors.get(i), trial,
            ))  # fmt: skip
        with self._transaction() as db:
            db.executemany(FINISH, rows)
            if point:
                db.execute(POINT, point.to_row())
        self._finished += len(rows)

    def record(self, point: HistoryPoint) -> None:
        """Record the front's state."""
        with self._transaction() as db:
            db.execute(POINT, point.to_row())

    def retry(self) -> None:
        """Count one more attempt for all running trials: their study was killed."""
        with self._transaction() as db:
            db.execute("UPDATE trials SET attempt = attempt + 1 WHERE state = 'running'")

    def duplicate(self, pairs: Sequence[tuple[int, int]], batch: int, told: int) -> None:
        """Record repeated designs as answered from the table: (new id, id of the original)."""
        with self._transaction() as db:
            for offset, (new, old) in enumerate(pairs):
                db.execute(REPEAT, (new, batch, told, self._finished + offset, time.time(), old))
        self._finished += len(pairs)

    def set_held_out(self, ids: Sequence[int], columns: Mapping[str, NDArray[np.float64]]) -> None:
        """Record held-out metrics of front members; what is not a finite number is left out."""
        rows = _RowJson(columns)
        with self._transaction() as db:
            db.executemany(HELD_OUT, [(int(trial), rows(row) or "{}") for row, trial in enumerate(ids)])

    def close(self) -> None:
        """Close the file; the writer leaves one plain file behind and frees the study."""
        if self._lock:
            # Out of write-ahead mode, so that a finished study is one file; not possible while somebody reads it.
            with suppress(sqlite3.OperationalError):
                self._db.execute("PRAGMA busy_timeout = 0")
                self._db.execute("PRAGMA journal_mode = DELETE")
        self._db.close()
        if self._lock:
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _connect(path: Path, *, readonly: bool = False) -> sqlite3.Connection:
    mode = "ro" if readonly else "rwc"
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=30, isolation_level=None)
    if not readonly:
        # Falls back by itself to a rollback journal where shared memory is missing (network file systems).
        connection.execute("PRAGMA journal_mode = WAL")
        # After a power cut the last trials may be missing, never damaged; they are simply run again.
        connection.execute("PRAGMA synchronous = NORMAL")
    return connection


class _RowJson:
    """JSON of row ``i`` of some columns, without what is not a finite number."""

    def __init__(self, columns: Mapping[str, NDArray[Any]]) -> None:
        self._names = list(columns)
        self._rows = list(zip(*(c.tolist() for c in columns.values()), strict=True))

    def __call__(self, row: int) -> str | None:
        cells = zip(self._names, self._rows[row], strict=True) if self._names else ()
        finite = {name: value for name, value in cells if math.isfinite(value)}
        return json.dumps(finite) if finite else None


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        text = str(error)
        remedy = "nothing that was finished is lost: free space or mend the folder, then 'cosearch resume'"
        if "not a database" in text or "malformed" in text:
            remedy = "the file is damaged: restore it from a copy"
        raise StoreError(f"{path}: {text}", remedy) from error

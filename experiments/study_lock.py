"""One writer per study: an advisory lock that dies with its process."""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock, Timeout

from ..spaces.errors import StoreError


class StudyLock:
    """Exclusive lock on a study's folder, held until :meth:`release` or the end of the process, kill -9 included.

    Args:
        folder: The study's folder.

    Raises:
        StoreError: When another process holds it, or the folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._lock = FileLock(folder / "study.lock")
        try:
            self._lock.acquire(timeout=0)
        except Timeout as error:
            remedy = "wait for it, or stop it with Ctrl-C; 'cosearch status' only reads"
            raise StoreError(f"study {folder.name!r} is being run by another process", remedy) from error
        except OSError as error:
            raise StoreError(f"{folder}: {error.strerror}", "make the folder writable") from error

    def release(self) -> None:
        """Free the study."""
        self._lock.release()


def is_locked(folder: Path) -> bool:
    """Whether some process runs the study now."""
    try:
        StudyLock(folder).release()
    except StoreError as error:
        # A folder that cannot be written is not locked by that.
        return isinstance(error.__cause__, Timeout)
    return False

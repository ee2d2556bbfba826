"""One measurement at a time on a device, across processes of one user on one machine."""

from __future__ import annotations

import os
import re
import tempfile
import time
from pathlib import Path
from types import TracebackType

from ..spaces.errors import TargetError

POLL_S = 0.02


def lock_folder() -> Path:
    """The user's own folder for locks, made when missing: under ``/run/user`` where that exists, else under ``/tmp``.

    It does not follow ``XDG_RUNTIME_DIR``, which may differ between two processes that share the device.

    Raises:
        TargetError: When the folder belongs to somebody else.
    """
    user = os.getuid()
    runtime = Path(f"/run/user/{user}")
    if runtime.is_dir() and os.access(runtime, os.W_OK):
        folder = runtime / "cosearch"
    else:
        folder = Path(tempfile.gettempdir()) / f"cosearch-{user}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != user:
        raise TargetError(f"lock folder {folder} belongs to another user", "remove it, or ask its owner to")
    return folder


class DeviceLock:
    """Exclusive use of a named device, as a context manager.

    An advisory ``flock`` on a file: the kernel releases it when the holder ends in any way, ``kill -9`` included. It
    also excludes other threads and other locks of the same process, so do not nest two on one device.

    Args:
        device: Name of the device, for example ``cpu``.
        wait_s: Longest wait for another holder, seconds.
        folder: Where the lock file lies; by default :func:`lock_folder`.
    """

    def __init__(self, device: str, wait_s: float = 600.0, folder: Path | None = None) -> None:
        self.device = device
        self.wait_s = wait_s
        self.path = (folder or lock_folder()) / f"device-{re.sub(r'[^A-Za-z0-9_.-]', '_', device)}.lock"
        self._handle: int | None = None

    def __enter__(self) -> DeviceLock:
        """Wait for the device.

        Raises:
            TargetError: When another process kept it for longer than ``wait_s``, or the platform has no ``flock``.
        """
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + self.wait_s
        while not _try_lock(handle):
            if time.monotonic() >= deadline:
                holder = os.pread(handle, 100, 0).decode(errors="replace").strip() or "unknown"
                os.close(handle)
                problem = (
                    f"device {self.device!r} was busy for {self.wait_s:g} s, held by process {holder} ({self.path})"
                )
                raise TargetError(problem, "wait for that study to end, or raise lock_wait_s")
            time.sleep(POLL_S)
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        self._handle = handle
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._handle is not None:
            os.ftruncate(self._handle, 0)
            os.close(self._handle)
            self._handle = None


def _try_lock(handle: int) -> bool:
    try:
        import fcntl
    except ImportError as error:
        raise TargetError("this platform has no flock", "measure on Linux or macOS") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

# Copyright (c) 2026 container_linux.remediation contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the command says to people: plain lines on stderr, so that stdout stays for answers."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Iterator

__all__ = ["MachineError", "say", "step"]

# Long steps that say nothing look like a hang; after this many seconds a line tells they go on.
_PATIENCE = 15.0


class MachineError(Exception):
    """What went wrong, in one sentence that says what to do next."""


def say(text: str) -> None:
    """Print one line."""
    print(text, file=sys.stderr, flush=True)


@contextlib.contextmanager
def step(text: str) -> Iterator[None]:
    """Announce a step, show that it goes on, and say how many seconds it took."""
    say(f"{text} …")
    started = time.monotonic()
    finished = threading.Event()

    def remind() -> None:
        while not finished.wait(_PATIENCE):
            say(f"  … still at it ({time.monotonic() - started:.0f} s): {text}")

    reminder = threading.Thread(target=remind, daemon=True)
    reminder.start()
    try:
        yield
    finally:
        finished.set()
    say(f"  done in {time.monotonic() - started:.1f} s: {text}")

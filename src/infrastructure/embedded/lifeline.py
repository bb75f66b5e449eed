"""For a process that somebody else starts, and that must end with its parent all the same.

granian's workers are such: kill -9 of their master leaves them serving. They call `end_with_parent` themselves.
"""

import ctypes
import multiprocessing
import os
import signal
from signal import Signals

from infrastructure.embedded.launch import PR_SET_PDEATHSIG


def end_with_parent(ends_with: Signals = signal.SIGTERM) -> None:
    """Ask the kernel to send us `ends_with` when our parent dies, however it dies.

    Call it from the parent's child itself, early. Should the parent be gone already, so that we
    have been handed to another, the signal is sent at once.
    """
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(ends_with)) != 0:
        raise OSError(ctypes.get_errno(), "the kernel refused PR_SET_PDEATHSIG")
    parent = multiprocessing.parent_process()
    if parent is not None and parent.pid != os.getppid():
        os.kill(os.getpid(), ends_with)

"""Becomes another program, after making sure that it ends with the one who asked for it.

Run by path, as `python -I -S launch.py SIGNAL PARENT ACCOUNT PROGRAM ARGUMENTS...`, and not as a `preexec_fn`:
what happens between fork and exec in a process with threads may deadlock, while this is a process of its own.

SIGNAL   what the kernel sends to the program when its parent dies, however it dies (PR_SET_PDEATHSIG)
PARENT   the parent's pid: if it is gone before the wish is known to the kernel, nothing is started
ACCOUNT  `same`, `UID:GID` to become somebody else, or `inside`: an ordinary user as far as the program can see,
         by a user namespace, and root on the disk
"""

import ctypes
import os
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1
CLONE_NEWUSER = 0x10000000
INSIDE = 1000  # any id but 0: PostgreSQL only refuses to be root


def step_inside(libc: ctypes.CDLL) -> None:
    uid, gid = os.geteuid(), os.getegid()
    if libc.unshare(CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "this machine allows no user namespaces")
    Path("/proc/self/uid_map").write_text(f"{INSIDE} {uid} 1")
    Path("/proc/self/setgroups").write_text("deny")  # or the kernel refuses the group map
    Path("/proc/self/gid_map").write_text(f"{INSIDE} {gid} 1")


def become(account: str) -> None:
    uid, gid = (int(number) for number in account.split(":"))
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def main() -> None:
    death_signal, parent, account, *argv = sys.argv[1:]
    libc = ctypes.CDLL(None, use_errno=True)
    if account == "inside":
        step_inside(libc)
    elif account != "same":
        become(account)
    # After the change of account: the kernel forgets the wish whenever credentials change.
    if libc.prctl(PR_SET_PDEATHSIG, int(death_signal)) != 0:
        raise OSError(ctypes.get_errno(), "the kernel refused PR_SET_PDEATHSIG")
    if os.getppid() != int(parent):
        sys.exit(1)
    os.execv(argv[0], argv)  # noqa: S606  # the whole purpose; no shell is wanted


if __name__ == "__main__":
    main()

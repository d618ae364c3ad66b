"""Turn a fresh child into PostgreSQL: shed privileges, tie its life to the parent, become the program.

Run as a script, `launcher.py PARENT UID GID FOLDER PROGRAM [ARGUMENT...]`, with a dash for UID and GID to
stay who one is. It stands in for `preexec_fn`, which may deadlock in a process that has threads. Python
starts before the privileges go, because the unprivileged account may be unable to read the interpreter.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

UNREACHABLE = 97
"""Exit status: the account cannot enter the folder."""
NOT_EXECUTABLE = 98
"""Exit status: the account cannot execute the program."""
ORPHANED = 99
"""Exit status: the parent ended before the child was tied to it."""

_PR_SET_PDEATHSIG = 1


def main(parent: str, uid: str, gid: str, folder: str, *command: str) -> int:
    """Replace this process with `command`; return an exit status only where that failed."""
    for inherited in (signal.SIGINT, signal.SIGPIPE):  # Python, nohup and shells ignore one or the other
        signal.signal(inherited, signal.SIG_DFL)
    os.umask(0o077)
    if uid != "-":
        os.setgroups([])
        os.setgid(int(gid))
        os.setuid(int(uid))
    if sys.platform == "linux":  # after setuid, which clears it; SIGINT is PostgreSQL's fast shutdown
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0)
    if os.getppid() != int(parent):  # it ended before the line above took hold
        return ORPHANED
    try:
        os.chdir(folder)
    except OSError as error:
        print(error, file=sys.stderr)  # noqa: T201 -- the parent keeps this as the log
        return UNREACHABLE
    try:
        os.execv(command[0], command)  # noqa: S606 -- no shell is the point
    except OSError as error:
        print(error, file=sys.stderr)  # noqa: T201 -- as above
        return NOT_EXECUTABLE


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

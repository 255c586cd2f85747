"""`python3 -m offheap.collector PLAN`: the ephemeral container's command. Records go to stdout, nothing else does."""

from __future__ import annotations

import signal
import sys

from offheap.collector.plan import PlanError, parse_plan
from offheap.collector.steps import refuse, run

_GRACE_SECONDS = 60
_STDOUT = 1


def main(arguments: list[str]) -> int:
    """The process's exit code."""
    _be_killed_first()
    # Asked for between two takes (clock.py), so that no record is cut in two.
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM,))
    try:
        plan = parse_plan(arguments[0] if len(arguments) == 1 else "")
    except PlanError as error:
        return refuse(str(error), _STDOUT)
    # The last resort when a read or a write hangs in the kernel: the default action ends the process.
    signal.alarm(min(int(plan.deadline_seconds) + _GRACE_SECONDS, 1 << 30))
    return run(plan, _STDOUT)


def _be_killed_first() -> None:
    """Raising the own score needs no privilege; the kernel then takes the collector before the target."""
    try:
        with open("/proc/self/oom_score_adj", "w") as score:
            score.write("1000")
    except OSError:
        # A kernel or sandbox that does not let us: the headroom check remains.
        return


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

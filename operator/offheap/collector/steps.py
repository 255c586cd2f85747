"""The steps, and how each of them ends: whatever happens, the last record says it."""

from __future__ import annotations

from offheap.collector.attach import Attach
from offheap.collector.clock import Clock
from offheap.collector.cost import Meter
from offheap.collector.identity import Jvm, identify
from offheap.collector.last_words import PROBES, await_last_words
from offheap.collector.outcome import Ended, Skip, StreamClosed
from offheap.collector.patience import wait_while_starting
from offheap.collector.plan import VERSION, Plan
from offheap.collector.processes import choose, chosen, survey
from offheap.collector.procfs import Proc
from offheap.collector.sample import Session, sample
from offheap.collector.stream import Stream

JATTACH = "jattach"


def run(plan: Plan, fd: int, *, proc_root: str = "/proc", jattach: str = JATTACH, clock: Clock | None = None) -> int:
    """Follow the plan and write its records to `fd`. The exit code: 0 also when the target was gone or not found, for the
    record says so; 1 when the collector itself failed."""
    meter = Meter()
    stream = Stream(fd, plan.stream_bytes)
    session = Session(Proc(proc_root), plan, clock or Clock(plan.deadline_seconds), meter, stream)
    try:
        stream.hello(VERSION, plan.step)
        outcome, message = _ended(session, jattach)
        stream.end(outcome, message, meter.total())
    except StreamClosed:
        return 0
    return 1 if outcome == "Error" else 0


def refuse(message: str, fd: int) -> int:
    """Say that the plan itself is of no use."""
    stream = Stream(fd, 1 << 20)
    try:
        stream.hello(VERSION, "")
        stream.end("Error", f"InvalidPlan: {message}", Meter().total())
    except StreamClosed:
        return 2
    return 2


def _ended(session: Session, jattach: str) -> tuple[str, str]:
    try:
        if session.plan.step == "look":
            _look(session)
        elif session.plan.step == "final":
            _final(session)
        else:
            jvm, attach = _identify(session, jattach)
            if session.plan.step in ("sample", "trace"):
                sample(session, jvm, attach)
    except Ended as ended:
        return ended.outcome, ended.message
    except StreamClosed:
        raise
    except Exception as error:  # the record is the only place where anybody would ever see it
        return "Error", f"{type(error).__name__}: {error}"
    return "Completed", ""


def _look(session: Session) -> None:
    _await_jvm(session)
    found = survey(session.proc)
    jvms = [process.pid for process in found if process.is_java]
    target = jvms[0] if len(jvms) == 1 else None
    data = {"processes": [process._asdict() for process in found], "jvms": jvms, "target_pid": target}
    _say(session, "process", "processes", data)
    choose(session.proc, found)


def _final(session: Session) -> None:
    plan = session.plan
    probe = next((name for name in PROBES if plan.probes and name in plan.probes), None)
    directory = plan.option(probe or "", "directory")
    if probe is None or not isinstance(directory, str):
        raise Ended("Error", "InvalidPlan: no directory of profiles")
    await_last_words(probe, directory, session.stream, session.clock)


def _identify(session: Session, jattach: str) -> tuple[Jvm, Attach]:
    plan = session.plan
    if plan.target is None:
        _await_jvm(session)
    target = chosen(session.proc, plan.target)
    budget = plan.pause_seconds
    attach = Attach(
        session.proc, target.pid, session.meter, session.clock, jattach=jattach, pause_budget_seconds=budget
    )
    if not plan.attach:
        attach.refuse(Skip("AttachNotAllowed", "the investigation's intrusion is Observe: Attach allows it"))
    wait_while_starting(session.proc, lambda: [target.pid], session.clock, attach.is_heard)
    jvm, skips = identify(session.proc, target, attach)
    session.meter.note_memory()
    _say(session, "process", "identity", jvm.identity)
    for skip in skips:
        session.stream.skipped("process", skip)
    if plan.step == "identify":
        for name, text in jvm.texts.items():
            _say(session, "jvm", name, text)
    return jvm, attach


def _await_jvm(session: Session) -> None:
    def pids() -> list[int]:
        return [process.pid for process in survey(session.proc)]

    def is_there() -> bool:
        return any(process.is_java for process in survey(session.proc))

    wait_while_starting(session.proc, pids, session.clock, is_there)


def _say(session: Session, probe: str, name: str, data: object) -> None:
    try:
        session.stream.evidence(probe, name, data, sample=None)
    except Skip as skip:
        raise Ended("BudgetExceeded", skip.message) from None

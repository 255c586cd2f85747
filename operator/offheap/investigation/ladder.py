"""From one stage to the next: the patch that makes a stage of this JVM, or why it is not made. Pure."""

from __future__ import annotations

from datetime import datetime

from offheap.api.v1alpha1 import MemoryInvestigation
from offheap.api.words import Stage, allows
from offheap.evidence.identity import JvmIdentity
from offheap.investigation import problems
from offheap.investigation.identify import facts
from offheap.investigation.instrumentation import choose, nmt_option
from offheap.investigation.observed import Observed
from offheap.investigation.problems import Problem
from offheap.investigation.records import overdue_seconds, patch_of
from offheap.investigation.stages import Changes, changes, unfit
from offheap.investigation.template import Patch
from offheap.investigation.workload import PATCHABLE, Workload

OLDEST_GLIBC = (2, 29)
"""What the libraries in the collector's image ask for at most (its needs.json, objdump -T)."""
STAGE_SECONDS = 60.0
"""What a stage takes beside its samples: a rollout, and reading the evidence."""


def next_patch(
    inv: MemoryInvestigation, seen: Observed, stage: Stage, now: datetime
) -> tuple[Workload, Patch] | Problem:
    """What makes the next stage, of a target whose JVM is known from the stages before."""
    left = -overdue_seconds(inv, now)
    if left < inv.spec.sampling.duration_seconds + STAGE_SECONDS:
        return problems.no_time_for_stage(stage, inv.spec.deadline)
    if seen.identity is None:
        return Problem("IdentityLost", "what JVM it is cannot be read any more: the pod of the stage before is gone.")
    if seen.workload is not None and not seen.workload.rollout.done:
        return problems.rollout_in_progress(seen.workload.rollout.message)
    return patch_for(inv, seen.workload, seen.identity, stage)


def patch_for(
    inv: MemoryInvestigation, workload: Workload | None, identity: JvmIdentity, stage: Stage
) -> tuple[Workload, Patch] | Problem:
    """The patch that makes this stage, or why the template stays as it is.

    NMT comes along where it is off and can be carried; a stage that has something of its own to add goes without it.
    """
    wanted = inv.spec.instrumentation
    own = changes(inv.spec, stage)
    if stage == "Baseline" and wanted.nmt == "Off":
        return Problem("NotAsked", "spec.instrumentation.nmt is Off.")
    if not allows(inv.spec.intrusion, "Restart"):
        return problems.restart_not_allowed()
    if workload is None or workload.kind not in PATCHABLE:
        return problems.not_patchable(inv.spec.target.kind)
    if stage == "Baseline" and not identity.attach.ok:
        return problems.attach_impossible(identity.attach.reason, identity.attach.message)
    known = facts(identity)
    if isinstance(known, Problem):
        return known
    hindrance = unfit(stage, identity.feature, identity.update) or _unloadable(identity, own)
    if hindrance is not None:
        return hindrance
    record, container = inv.status.instrumentation, inv.status.pods[-1].container
    ours = None if record is None or record.state != "Applied" else patch_of(record)
    tracks_by_us = ours is not None and nmt_option(wanted.nmt) in ours.value.split()
    option = (nmt_option(wanted.nmt),)
    track = option if wanted.nmt != "Off" and (identity.nmt == "off" or tracks_by_us) else ()
    tries = [track + own.options] + ([own.options] if track and own != Changes() else [])
    problem = Problem("NothingToAdd", "nothing is to be added.")
    for options in tries:
        needed = Changes(options, own.environment, own.allocator)
        patch = choose(
            known, workload, container, needed, wanted.options_variable, consent=wanted.command_line, ours=ours
        )
        if isinstance(patch, Problem):
            problem = patch
        elif ours is not None and ours.words and not patch.words:
            # The record of this stage would not know the words of the one before any more, which have to be put back.
            problem = Problem(
                "CommandLineInUse", "the words that the stage before has put on the command line cannot be kept."
            )
        else:
            return workload, patch
    return problem


def _unloadable(identity: JvmIdentity, own: Changes) -> Problem | None:
    """Why an allocator's library cannot be loaded into this process."""
    if own.allocator == "None":
        return None
    if identity.libc != "glibc":
        return problems.allocator_needs_glibc(identity.libc)
    if _version(identity.libc_version) < OLDEST_GLIBC:
        return problems.glibc_too_old(identity.libc_version or "", OLDEST_GLIBC)
    if identity.allocator not in ("glibc", own.allocator.lower()):
        return problems.allocator_in_place(identity.allocator)
    return None


def _version(text: str | None) -> tuple[int, ...]:
    """One that could not be read is taken to be new enough: the loader would only print a line and go on without."""
    parts = (text or "").split(".")
    return tuple(int(part) for part in parts) if all(part.isdigit() for part in parts) else OLDEST_GLIBC

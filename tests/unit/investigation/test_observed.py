"""Who goes first, and what is kept in Git."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offheap.api.v1alpha1 import MemoryInvestigation
from offheap.investigation.observed import FINALIZER, ahead_of
from offheap.investigation.records import GITOPS_MARKS, is_kept_in_git


def an_investigation(name: str, phase: str | None = "Pending", **changes: Any) -> MemoryInvestigation:
    created = changes.pop("created", "2026-01-01T00:00:00Z")
    metadata = {"name": name, "namespace": "shop", "uid": changes.pop("uid", f"u-{name}"), "generation": 1}
    metadata |= {"creationTimestamp": created, **changes.pop("metadata", {})}
    target = {"kind": changes.pop("kind", "Deployment"), "name": changes.pop("target", "orders")}
    return MemoryInvestigation.model_validate(
        {"metadata": metadata, "spec": {"target": target, **changes}, "status": {"phase": phase} if phase else None}
    )


def ahead(inv: MemoryInvestigation, *others: MemoryInvestigation) -> str | None:
    return ahead_of(inv, (inv, *others))


OLD, NEW = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"


@given(order=st.permutations(range(6)))
def test_of_those_that_wait_the_oldest_goes_first_and_all_agree(order: list[int]) -> None:
    waiting = [
        an_investigation("c", created=OLD, uid="u-1"),
        an_investigation("b", created=OLD, uid="u-2", phase=None),
        an_investigation("a", created=NEW, uid="u-0"),
    ]
    beside = [
        an_investigation("done", "Succeeded", created="2025-01-01T00:00:00Z"),
        an_investigation("other", "Sampling", target="billing"),
        an_investigation("same-name", "Sampling", kind="StatefulSet"),
    ]
    seen = tuple((waiting + beside)[i] for i in order)
    assert [ahead_of(one, seen) for one in waiting] == [None, "c", "c"]
    assert ahead_of(waiting[2], tuple(o for o in seen if o.name != "c")) == "b"


@pytest.mark.parametrize("phase", ["Preparing", "Observing", "Instrumenting", "Sampling", "Analyzing", "Restoring"])
def test_one_that_has_begun_goes_first_however_young(phase: str) -> None:
    old, young = an_investigation("old", created=OLD), an_investigation("young", phase, created=NEW)
    assert ahead(old, young) == "young"


@pytest.mark.parametrize(
    "how",
    [
        {"suspend": True},
        {"cancel": True},
        {"metadata": {"deletionTimestamp": NEW}},
        {"phase": "Failed"},
        {"phase": "Cancelled"},
    ],
)
def test_who_may_not_begin_holds_nobody_up(how: dict[str, Any]) -> None:
    assert ahead(an_investigation("young", created=NEW), an_investigation("old", **{"created": OLD, **how})) is None


DELETED = {"deletionTimestamp": NEW}


@pytest.mark.parametrize("how", [{"cancel": True}, {"metadata": {**DELETED, "finalizers": [FINALIZER]}}])
def test_who_has_begun_holds_others_up_until_it_has_put_back(how: dict[str, Any]) -> None:
    begun = an_investigation("begun", "Restoring", created=NEW, **how)
    assert ahead(an_investigation("old", created=OLD), begun) == "begun"


def test_one_that_we_have_let_go_holds_nobody_up_however_long_others_keep_it() -> None:
    kept = an_investigation("kept", "Sampling", metadata={**DELETED, "finalizers": ["example.com/audit"]})
    assert ahead(an_investigation("new", created=NEW), kept) is None


def test_alone_nobody_is_ahead() -> None:
    assert ahead(an_investigation("one")) is None


@pytest.mark.parametrize("place", ["labels", "annotations"])
@pytest.mark.parametrize("mark", GITOPS_MARKS)
def test_what_a_gitops_engine_or_helm_tracks_is_kept(mark: str, place: str) -> None:
    assert is_kept_in_git(an_investigation("one", metadata={place: {mark: "apps", "team": "shop"}}))


@pytest.mark.parametrize(
    "metadata", [{}, {"labels": None, "annotations": None}, {"labels": {"app.kubernetes.io/managed-by": "me"}}]
)
def test_what_a_person_made_is_not(metadata: dict[str, Any]) -> None:
    assert not is_kept_in_git(an_investigation("one", metadata=metadata))

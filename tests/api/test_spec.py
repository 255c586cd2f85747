"""For each constraint of the spec: what the apiserver takes, and what it says to what it refuses."""

from typing import Any

import pytest

from offheap.api.crd import generate

Tree = dict[str, Any]
DEPLOYMENT = {"kind": "Deployment", "name": "orders"}
DURATION = "must be a duration such as 500ms, 15s, 10m or 1h30m"
QUANTITY = "must be a quantity such as 32Mi, 1.5Gi or 33554432"


def target(**fields: Any) -> Tree:
    return {"target": DEPLOYMENT | fields}


def sampling(**fields: Any) -> Tree:
    return {"sampling": fields}


def instrumentation(**fields: Any) -> Tree:
    return {"instrumentation": fields}


def budget(**fields: Any) -> Tree:
    return {"budget": fields}


def restart(**fields: Any) -> Tree:
    return {"intrusion": "Restart", "instrumentation": fields}


def probe(name: str, level: str = "Restart", **options: Any) -> Tree:
    return {"intrusion": level, "probes": [{"name": name, **options}]}


ACCEPTED: dict[str, Tree] = {
    "nothing but a target": {},
    "Deployment": target(kind="Deployment"),
    "StatefulSet": target(kind="StatefulSet"),
    "DaemonSet": target(kind="DaemonSet"),
    "Pod": target(kind="Pod"),
    "a name with dots": target(name="orders-0.shop"),
    "the longest name": target(name="n" * 253),
    "container": target(container="app"),
    "the longest container": target(container="c" * 63),
    "Observe": {"intrusion": "Observe"},
    "Attach": {"intrusion": "Attach"},
    "Profile": {"intrusion": "Profile"},
    "Pause": {"intrusion": "Pause"},
    "Restart": {"intrusion": "Restart"},
    "Pod, up to Pause": target(kind="Pod") | {"intrusion": "Pause"},
    "the shortest interval": sampling(interval="1s"),
    "the longest interval": sampling(interval="10m", duration="10m"),
    "the shortest duration": sampling(interval="10s", duration="10s"),
    "the longest duration": sampling(duration="24h") | {"deadline": "24h"},
    "fractions and sums": sampling(interval="1.5s", duration="1h30m10s500ms") | {"deadline": "2.5h"},
    "interval, duration and deadline the same": sampling(interval="1m", duration="60s") | {"deadline": "60000ms"},
    "the shortest deadline": sampling(duration="1m") | {"deadline": "1m"},
    "the longest deadline": {"deadline": "48h"},
    "nmt Off": instrumentation(nmt="Off"),
    "nmt Summary": instrumentation(nmt="Summary"),
    "nmt Detail": instrumentation(nmt="Detail"),
    "Auto": instrumentation(optionsVariable="Auto"),
    "JAVA_TOOL_OPTIONS": instrumentation(optionsVariable="JAVA_TOOL_OPTIONS"),
    "JDK_JAVA_OPTIONS": instrumentation(optionsVariable="JDK_JAVA_OPTIONS"),
    "command line": instrumentation(commandLine=True),
    "jemalloc": restart(allocator="Jemalloc"),
    "jemalloc with all options": restart(
        allocator="Jemalloc",
        jemalloc={
            "lgProfInterval": 30,
            "lgProfSample": 19,
            "profPrefix": "orders_1",
            "profGdump": True,
            "profFinal": False,
        },
    ),
    "the finest jemalloc": restart(allocator="Jemalloc", jemalloc={"lgProfInterval": 20, "lgProfSample": 10}),
    "the coarsest jemalloc": restart(allocator="Jemalloc", jemalloc={"lgProfInterval": 40, "lgProfSample": 26}),
    "tcmalloc": restart(allocator="Tcmalloc", gperftools={"allocationInterval": "1Gi", "inuseInterval": "1Mi"}),
    "no allocator": instrumentation(allocator="None"),
    "all trials": restart(
        trials=["ArenaMax", "MaxDirectMemorySize", "NettyUnpooled", "TrimNativeHeap"], maxDirectMemorySize="128Mi"
    ),
    "a limit of direct memory without its trial": instrumentation(maxDirectMemorySize="1Ti"),
    "a probe of Observe": probe("smaps", "Observe"),
    "a probe of Attach with its experiments": probe("malloc-info", "Attach", mallocInfo={"trim": True, "gc": True}),
    "a probe of Profile with its interval": probe("nativemem", "Profile", nativemem={"interval": "1Ki"}),
    "perf": probe("perf", "Profile", perf={"duration": "5m"}),
    "memory": probe("memory", "Profile", memory={"regions": 16}),
    "gdb at Pause": probe("gdb", "Pause", gdb={"regions": 1}),
    "gdb at Restart": probe("gdb"),
    "the smallest store": budget(artifacts="1Mi"),
    "the largest store": budget(artifacts="4Gi"),
    "the smallest memory": budget(targetMemory="8Mi"),
    "the largest memory": budget(targetMemory="2Gi"),
    "memory as a number": budget(targetMemory=8388608),
    "the largest memory as a number": budget(targetMemory=2147483648),
    "memory as text without unit": budget(targetMemory="33554432"),
    "memory with a fraction": budget(targetMemory="0.5Gi"),
    "memory in powers of ten": budget(targetMemory="100M"),
    "no pause": budget(pause="0s"),
    "the longest pause": budget(pause="1m"),
    "deleted at once": {"ttlAfterFinished": "0s"},
    "kept for a year": {"ttlAfterFinished": "8760h"},
    "requestedBy": {"requestedBy": "system:serviceaccount:argocd:argocd-application-controller"},
    "suspend": {"suspend": True},
    "cancel": {"cancel": True},
}

TOO_LONG = "may not be more than {} bytes"
NOT_A_NAME = "should match '^[a-z0-9]"
NOT_A_BOOLEAN = "must be of type boolean"
REJECTED: dict[str, tuple[Tree, str, str]] = {
    "a Job": (
        target(kind="Job"),
        "target.kind",
        'Unsupported value: "Job": supported values: "Deployment", "StatefulSet"',
    ),
    "kind in lower case": (target(kind="deployment"), "target.kind", 'Unsupported value: "deployment"'),
    "no name": (target(name=""), "target.name", "at least 1 chars long"),
    "a name in capitals": (target(name="Orders"), "target.name", NOT_A_NAME),
    "a name too long": (target(name="n" * 254), "target.name", TOO_LONG.format(253)),
    "no container": (target(container=""), "target.container", "at least 1 chars long"),
    "a container with a dot": (target(container="a.b"), "target.container", NOT_A_NAME),
    "a container too long": (target(container="c" * 64), "target.container", TOO_LONG.format(63)),
    "an unknown intrusion": ({"intrusion": "Kill"}, "intrusion", 'Unsupported value: "Kill"'),
    "Restart of a Pod": (
        target(kind="Pod") | {"intrusion": "Restart"},
        "intrusion",
        "a Pod cannot be instrumented by a rollout: name the Deployment, StatefulSet or DaemonSet that owns it,"
        " or choose intrusion Pause or milder",
    ),
    "an interval too short": (sampling(interval="999ms"), "sampling.interval", "must be between 1s and 10m"),
    "an interval too long": (
        sampling(interval="601s", duration="20m"),
        "sampling.interval",
        "must be between 1s and 10m",
    ),
    "an interval without unit": (sampling(interval="15"), "sampling.interval", DURATION),
    "an interval as a number": (sampling(interval=15), "sampling.interval", "must be of type string"),
    "an interval in ISO 8601": (sampling(interval="PT15S"), "sampling.interval", DURATION),
    "an interval in days": (sampling(interval="1 day"), "sampling.interval", DURATION),
    "a negative interval": (sampling(interval="-5s"), "sampling.interval", DURATION),
    "an endless interval": (sampling(interval="1" * 21 + "s"), "sampling.interval", TOO_LONG.format(20)),
    "a duration too short": (
        sampling(interval="1s", duration="9s"),
        "sampling.duration",
        "must be between 10s and 24h",
    ),
    "a duration too long": (
        sampling(duration="25h") | {"deadline": "48h"},
        "sampling.duration",
        "must be between 10s and 24h",
    ),
    "a malformed duration": (sampling(duration="ten"), "sampling.duration", DURATION),
    "interval > duration": (
        sampling(interval="11s", duration="10s"),
        "sampling.interval",
        "sampling.interval must not be longer than sampling.duration",
    ),
    "duration > deadline": (
        sampling(duration="61m"),
        "deadline",
        "sampling.duration must not be longer than deadline",
    ),
    "a deadline too short": (
        sampling(duration="15s") | {"deadline": "59s"},
        "deadline",
        "must be between 1m and 48h",
    ),
    "a deadline too long": ({"deadline": "49h"}, "deadline", "must be between 1m and 48h"),
    "a malformed deadline": ({"deadline": "1d"}, "deadline", DURATION),
    "an unknown nmt": (instrumentation(nmt="summary"), "instrumentation.nmt", 'Unsupported value: "summary"'),
    "an unknown variable": (
        instrumentation(optionsVariable="_JAVA_OPTIONS"),
        "instrumentation.optionsVariable",
        'Unsupported value: "_JAVA_OPTIONS"',
    ),
    "command line and a variable": (
        instrumentation(commandLine=True, optionsVariable="JDK_JAVA_OPTIONS"),
        "instrumentation.optionsVariable",
        "commandLine puts the options into the container's command line, so optionsVariable must stay Auto: drop one of the two",
    ),
    "consent in words": (instrumentation(commandLine="yes"), "instrumentation.commandLine", NOT_A_BOOLEAN),
    "an unknown allocator": (
        restart(allocator="mimalloc"),
        "instrumentation.allocator",
        'Unsupported value: "mimalloc"',
    ),
    "an allocator without a restart": (
        instrumentation(allocator="Jemalloc"),
        "intrusion",
        "an allocator or a trial needs a restart: set intrusion to Restart, or drop instrumentation.allocator and"
        " instrumentation.trials",
    ),
    "a trial without a restart": (
        instrumentation(trials=["ArenaMax"]) | {"intrusion": "Pause"},
        "intrusion",
        "an allocator or a trial needs a restart: set intrusion to Restart, or drop instrumentation.allocator and"
        " instrumentation.trials",
    ),
    "jemalloc's options for another": (
        restart(allocator="Tcmalloc", jemalloc={}),
        "instrumentation.jemalloc",
        "jemalloc has the options of allocator Jemalloc: set that, or drop them",
    ),
    "gperftools' options for nothing": (
        instrumentation(gperftools={}),
        "instrumentation.gperftools",
        "gperftools has the options of allocator Tcmalloc: set that, or drop them",
    ),
    "an interval too fine": (
        restart(allocator="Jemalloc", jemalloc={"lgProfInterval": 19}),
        "instrumentation.jemalloc.lgProfInterval",
        "should be greater than or equal to 20",
    ),
    "an interval too coarse": (
        restart(allocator="Jemalloc", jemalloc={"lgProfInterval": 41}),
        "instrumentation.jemalloc.lgProfInterval",
        "should be less than or equal to 40",
    ),
    "a sample too fine": (
        restart(allocator="Jemalloc", jemalloc={"lgProfSample": 9}),
        "instrumentation.jemalloc.lgProfSample",
        "should be greater than or equal to 10",
    ),
    "a sample too coarse": (
        restart(allocator="Jemalloc", jemalloc={"lgProfSample": 27}),
        "instrumentation.jemalloc.lgProfSample",
        "should be less than or equal to 26",
    ),
    "a prefix that is a path": (
        restart(allocator="Jemalloc", jemalloc={"profPrefix": "../x"}),
        "instrumentation.jemalloc.profPrefix",
        "should match '^[A-Za-z0-9_-]+$'",
    ),
    "a prefix too long": (
        restart(allocator="Jemalloc", jemalloc={"profPrefix": "x" * 33}),
        "instrumentation.jemalloc.profPrefix",
        TOO_LONG.format(32),
    ),
    "no prefix": (
        restart(allocator="Jemalloc", jemalloc={"profPrefix": ""}),
        "instrumentation.jemalloc.profPrefix",
        "at least 1 chars long",
    ),
    "a gperftools interval too small": (
        restart(allocator="Tcmalloc", gperftools={"allocationInterval": "1Ki"}),
        "instrumentation.gperftools.allocationInterval",
        "must be between 1Mi and 1Ti",
    ),
    "a gperftools growth too small": (
        restart(allocator="Tcmalloc", gperftools={"inuseInterval": 1}),
        "instrumentation.gperftools.inuseInterval",
        "must be between 1Mi and 1Ti",
    ),
    "an unknown trial": (restart(trials=["Musl"]), "instrumentation.trials[0]", 'Unsupported value: "Musl"'),
    "a trial twice": (restart(trials=["ArenaMax", "ArenaMax"]), "instrumentation.trials[1]", "Duplicate value"),
    "a limit that is not said": (
        restart(trials=["MaxDirectMemorySize"]),
        "instrumentation.maxDirectMemorySize",
        "the trial MaxDirectMemorySize needs maxDirectMemorySize: what the application can live with",
    ),
    "a limit too small": (
        restart(maxDirectMemorySize="1Ki"),
        "instrumentation.maxDirectMemorySize",
        "must be between 1Mi and 1Ti",
    ),
    "an unknown probe": ({"probes": [{"name": "strace"}]}, "probes[0].name", 'Unsupported value: "strace"'),
    "a probe twice": (
        {"probes": [{"name": "smaps"}, {"name": "smaps"}]},
        "probes[1]",
        "Duplicate value",
    ),
    "a probe of Attach at Observe": (
        probe("nmt", "Observe"),
        "probes",
        "jvm and nmt and malloc-info of probes need intrusion Attach or more: set it, or drop them",
    ),
    "a probe of Profile at Attach": (
        probe("memory", "Attach"),
        "probes",
        "buffer-pools and nativemem and perf and memory of probes need intrusion Profile or more: set it, or drop them",
    ),
    "gdb at Profile": (
        probe("gdb", "Profile"),
        "probes",
        "gdb of probes need intrusion Pause or more: set it, or drop them",
    ),
    "options of malloc-info elsewhere": (
        probe("nmt", mallocInfo={}),
        "probes[0].mallocInfo",
        "mallocInfo belongs to the probe malloc-info",
    ),
    "options of nativemem elsewhere": (
        probe("nmt", nativemem={}),
        "probes[0].nativemem",
        "nativemem belongs to the probe nativemem",
    ),
    "options of perf elsewhere": (probe("nmt", perf={}), "probes[0].perf", "perf belongs to the probe perf"),
    "options of memory elsewhere": (probe("gdb", memory={}), "probes[0].memory", "memory belongs to the probe memory"),
    "options of gdb elsewhere": (probe("memory", gdb={}), "probes[0].gdb", "gdb belongs to the probe gdb"),
    "an experiment in words": (
        probe("malloc-info", mallocInfo={"trim": "yes"}),
        "probes[0].mallocInfo.trim",
        NOT_A_BOOLEAN,
    ),
    "an interval of nativemem too small": (
        probe("nativemem", nativemem={"interval": 1}),
        "probes[0].nativemem.interval",
        "must be between 1Ki and 64Mi",
    ),
    "perf for too long": (
        probe("perf", perf={"duration": "6m"}),
        "probes[0].perf.duration",
        "must be between 1s and 5m",
    ),
    "no region": (
        probe("memory", memory={"regions": 0}),
        "probes[0].memory.regions",
        "should be greater than or equal to 1",
    ),
    "too many regions": (
        probe("gdb", gdb={"regions": 17}),
        "probes[0].gdb.regions",
        "should be less than or equal to 16",
    ),
    "too small a store": (budget(artifacts="1Ki"), "budget.artifacts", "must be between 1Mi and 4Gi"),
    "too large a store": (budget(artifacts="5Gi"), "budget.artifacts", "must be between 1Mi and 4Gi"),
    "too little memory": (budget(targetMemory="7Mi"), "budget.targetMemory", "must be between 8Mi and 2Gi"),
    "too much memory": (budget(targetMemory="3Gi"), "budget.targetMemory", "must be between 8Mi and 2Gi"),
    "too little memory as a number": (
        budget(targetMemory=8388607),
        "budget.targetMemory",
        "must be between 8Mi and 2Gi",
    ),
    "too much memory as a number": (
        budget(targetMemory=2147483649),
        "budget.targetMemory",
        "must be between 8Mi and 2Gi",
    ),
    "negative memory": (budget(targetMemory="-32Mi"), "budget.targetMemory", "must be between 8Mi and 2Gi"),
    "memory with a wrong unit": (budget(targetMemory="32MB"), "budget.targetMemory", QUANTITY),
    "memory with a point": (budget(targetMemory=33554432.5), "budget.targetMemory", "must be of type integer,string"),
    "an endless memory": (budget(targetMemory="0" * 20 + "Gi"), "budget.targetMemory", TOO_LONG.format(20)),
    "a pause too long": (budget(pause="61s"), "budget.pause", "must be between 0s and 1m"),
    "a malformed pause": (budget(pause="00"), "budget.pause", DURATION),
    "kept for longer than a year": ({"ttlAfterFinished": "8761h"}, "ttlAfterFinished", "must be between 0s and 8760h"),
    "a malformed ttl": ({"ttlAfterFinished": "7d"}, "ttlAfterFinished", DURATION),
    "requested by nobody": ({"requestedBy": ""}, "requestedBy", "at least 1 chars long"),
    "requested by a name too long": ({"requestedBy": "x" * 513}, "requestedBy", TOO_LONG.format(512)),
    "suspend in words": ({"suspend": "no"}, "suspend", NOT_A_BOOLEAN),
    "cancel in words": ({"cancel": "now"}, "cancel", NOT_A_BOOLEAN),
}


@pytest.mark.parametrize("spec", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_accepts(investigations: Any, spec: Tree) -> None:
    investigations.try_create({"target": DEPLOYMENT} | spec).accepted()


def causes(reply: Any) -> list[tuple[str, str]]:
    """Field and message of each mistake that was found."""
    assert reply.status == 422, reply.message
    # A wrong type or size keeps the apiserver from looking at rules, and it says so in a cause without a field.
    return [
        (cause["field"], cause["message"]) for cause in reply.body["details"]["causes"] if cause["field"] != "<nil>"
    ]


@pytest.mark.parametrize(("spec", "field", "message"), REJECTED.values(), ids=REJECTED.keys())
def test_refuses_once_and_says_why(investigations: Any, spec: Tree, field: str, message: str) -> None:
    ((where, why),) = causes(investigations.try_create({"target": DEPLOYMENT} | spec))
    assert where == f"spec.{field}"
    assert message in why


@pytest.mark.parametrize(
    ("spec", "missing"),
    [
        ({}, {"target"}),
        ({"target": {"name": "orders"}}, {"target.kind"}),
        ({"target": {}}, {"target.kind", "target.name"}),
    ],
)
def test_the_target_is_required(investigations: Any, spec: Tree, missing: set[str]) -> None:
    found = causes(investigations.try_create(spec))
    assert {field for field, _ in found} == {f"spec.{field}" for field in missing}
    assert {message for _, message in found} == {"Required value"}


@pytest.mark.parametrize(
    "spec", [{"target": {**DEPLOYMENT, "namespace": "kube-system"}}, {"target": DEPLOYMENT, "image": "x"}]
)
def test_unknown_fields_are_refused(investigations: Any, spec: Tree) -> None:
    reply = investigations.try_create(spec)
    assert reply.status == 400
    assert 'unknown field "spec.' in reply.message


def test_the_name_is_a_label(investigations: Any) -> None:
    investigations.try_create({"target": DEPLOYMENT}, name="n" * 63).accepted()
    reply = investigations.try_create({"target": DEPLOYMENT}, name="n" * 64)
    assert reply.status == 422
    assert "the name must not be longer than 63 characters" in reply.message


def test_defaults(investigations: Any) -> None:
    spec = investigations.try_create({"target": DEPLOYMENT}).accepted()["spec"]
    assert spec == {
        "target": DEPLOYMENT,
        "intrusion": "Attach",
        "sampling": {"interval": "15s", "duration": "10m"},
        "instrumentation": {
            "nmt": "Summary",
            "optionsVariable": "Auto",
            "allocator": "None",
            "commandLine": False,
        },
        "budget": {"targetMemory": "64Mi", "pause": "500ms", "artifacts": "64Mi"},
        "deadline": "1h",
        "suspend": False,
        "cancel": False,
    }


def test_what_is_given_keeps_the_defaults_beside_it(investigations: Any) -> None:
    given = {
        "target": DEPLOYMENT,
        "sampling": {"interval": "5s"},
        "instrumentation": {"nmt": "Off"},
        "budget": {"pause": "1s"},
    }
    spec = investigations.try_create(given).accepted()["spec"]
    assert spec["sampling"] == {"interval": "5s", "duration": "10m"}
    assert spec["instrumentation"] == {
        "nmt": "Off",
        "optionsVariable": "Auto",
        "allocator": "None",
        "commandLine": False,
    }
    assert spec["budget"] == {"targetMemory": "64Mi", "pause": "1s", "artifacts": "64Mi"}


def test_each_rule_of_the_spec_has_a_case_that_it_refuses() -> None:
    def messages(node: Tree) -> set[str]:
        own = {rule["message"] for rule in node.get("x-kubernetes-validations", [])}
        children = [*node.get("properties", {}).values(), *([node["items"]] if "items" in node else [])]
        return own.union(*(messages(child) for child in children))

    schema = generate()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    refused = " ".join(message for _, _, message in REJECTED.values())
    assert [message for message in messages(schema["properties"]["spec"]) if message not in refused] == []

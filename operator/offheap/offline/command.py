"""`offheap analyze`: the terminal's side of it.

Exit codes: 0 a verdict, 1 Inconclusive, 2 nothing that could be read (click's own for a wrong call).
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import click

from offheap.offline import report
from offheap.offline.analysis import analyze
from offheap.offline.files import read_all

INCONCLUSIVE, NOTHING_READ = 1, 2


@click.command("analyze")
@click.argument("paths", nargs=-1, required=True, metavar="FILES|DIRS...", type=click.Path(exists=True, path_type=Path))
@click.option("--output", "-o", type=click.Choice(["text", "json"]), default="text", show_default=True)
def analyze_command(paths: tuple[Path, ...], output: str) -> None:
    """Diagnose from files that were collected by hand.

    Any mix of: answers of jcmd (VM.native_memory, GC.heap_info, VM.metaspace, …), smaps, pmap -x, /proc/PID/status, cgroup
    files, malloc_info, heap profiles of jemalloc and gperftools, collapsed stacks, recordings of async-profiler, kernel logs with
    an OOM kill, and the collector's own streams; gzip or not. What each file is, is told by its content.

    Exit codes: 0 a verdict, 1 Inconclusive, 2 nothing could be read.
    """
    sources, unread = read_all(paths)
    found = analyze(sources)
    found = replace(found, refused=(*unread, *found.refused))
    if not found.read:
        click.echo("Nothing could be read:", err=True)
        for each in found.refused:
            click.echo(f"  {each.source}: {each.reason}", err=True)
        if not found.refused:
            click.echo("  no file was found", err=True)
        sys.exit(NOTHING_READ)
    if output == "json":
        click.echo(json.dumps(report.document(found), indent=2, ensure_ascii=False))
    else:
        click.echo(report.text(found), nl=False)
    if not found.is_decided:
        sys.exit(INCONCLUSIVE)

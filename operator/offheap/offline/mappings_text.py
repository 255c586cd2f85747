"""pmap's table in the words of smaps, so that one reader serves both."""

from __future__ import annotations

from offheap.evidence.errors import EvidenceError
from offheap.evidence.pmap import Pmap, PmapMapping


def smaps_text(pmap: Pmap) -> str:
    """The same mappings as a text of smaps.

    pmap -x does not tell anonymous pages from pages of a file: in a file's private mapping those that were written are taken
    for anonymous, as copies they are. Raises EvidenceError where resident sizes are missing, or a part of the mappings.
    """
    if any(mapping.rss_bytes is None for mapping in pmap.mappings):
        raise EvidenceError("pmap without -x or -X tells virtual sizes only, not what is resident")
    if pmap.total_size_bytes is None:
        raise EvidenceError("the last line, total, is missing: it is a part of the mappings, which adds up to nothing")
    return "".join(_mapping(mapping) for mapping in sorted(pmap.mappings, key=lambda mapping: mapping.start))


def _mapping(mapping: PmapMapping) -> str:
    rss, dirty = mapping.rss_bytes or 0, mapping.dirty_bytes or 0
    name = mapping.name
    if name.startswith(("memfd:", "SYSV")):
        name = f"/{name}"
    is_file = bool(name) and not name.startswith("[")
    anonymous = mapping.anonymous_bytes
    if anonymous is None:
        anonymous = 0 if mapping.mode.endswith("s") else dirty if is_file else rss
    return (
        f"{mapping.start:x}-{mapping.end:x} {mapping.mode} 00000000 00:00 {int(is_file)} {name}\n"
        f"Rss: {rss >> 10} kB\nPss: {rss >> 10} kB\nPrivate_Dirty: {dirty >> 10} kB\n"
        f"Anonymous: {anonymous >> 10} kB\nSwap: {(mapping.swap_bytes or 0) >> 10} kB\n"
    )

"""Where what is too large for a status goes: raw streams, texts and profiles, in a directory or a bucket, until they expire.

`files` and `manifest` are pure; `store` is the only place that speaks to an object store.
"""

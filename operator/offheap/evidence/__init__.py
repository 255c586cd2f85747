"""Parsers: one a format, text in, frozen records out. They raise nothing but `EvidenceError`, whatever they are fed.

What arrives here was written by a process that somebody else controls, so every number is bounded, every unknown line
is either kept or counted, and nothing is evaluated. Standard library only: the same parsers serve the operator and the
offline analysis.
"""

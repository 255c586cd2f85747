"""The same diagnosis on files that a person collected by hand: which text is what, when it was taken, what it adds up to.

Pure but for `files` and `command`, which read the disk and speak to the terminal.
"""

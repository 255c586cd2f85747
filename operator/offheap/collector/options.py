"""The JVM's options out of a command line, and nothing else of it.

A command line holds passwords (`-Ddb.password=…`, arguments of the program): only words that start with -X leave the
target, and of those that run a command only the name.
"""

from __future__ import annotations

from offheap.collector.text import clean

_WITH_A_VALUE = frozenset(
    (
        *("-cp", "-classpath", "--class-path", "-p", "--module-path", "--upgrade-module-path"),
        *("--add-modules", "--add-exports", "--add-opens", "--add-reads", "--limit-modules", "--patch-module"),
        *("--source", "--enable-native-access"),
    )
)
_PROGRAM_FOLLOWS = frozenset(("-jar", "-m", "--module"))
_COMMANDS = ("-XX:OnError=", "-XX:OnOutOfMemoryError=", "-Xrun")
_MOST = 400
_LONGEST = 1000

_UNITS = {"k": 10, "m": 20, "g": 30, "t": 40}


def jvm_options(arguments: list[str]) -> list[str]:
    """The -X… words in front of the program's name. `arguments` as in /proc/PID/cmdline, java's own name first."""
    words = []
    skip_next = False
    for word in arguments[1:]:
        if skip_next:
            skip_next = False
        elif word in _PROGRAM_FOLLOWS or not word.startswith(("-", "@")):
            break
        else:
            skip_next = word in _WITH_A_VALUE
            words.append(word)
    return only_options(words)


def only_options(words: list[str]) -> list[str]:
    """The words that are -X… options, made harmless."""
    return [_without_command(clean(word)[:_LONGEST]) for word in words if word.startswith("-X")][:_MOST]


def option_lines(text: str, *, keep: tuple[str, ...] = ()) -> str:
    """A text of the JVM reduced to its options; with `keep` only of the lines that start with one of them, label included:
    the others tell the program's own arguments."""
    lines = []
    for line in text.split("\n"):
        label = next((label for label in keep if line.startswith(label)), "")
        options = only_options(line.removeprefix(label).split())
        if label or (options and not keep):
            lines.append(" ".join(([label.rstrip()] if label else []) + options))
    return "\n".join(lines)


def value_of(options: list[str], name: str) -> str | None:
    """The value that counts, the last one, of `-XX:name=value`."""
    prefix = f"-XX:{name}="
    return next((word.removeprefix(prefix) for word in reversed(options) if word.startswith(prefix)), None)


def is_on(options: list[str], name: str) -> bool:
    """Whether the last of -XX:+name and -XX:-name turns it on."""
    return next((word[4] == "+" for word in reversed(options) if word in (f"-XX:+{name}", f"-XX:-{name}")), False)


def max_heap_bytes(options: list[str]) -> int | None:
    """From -Xmx or MaxHeapSize, whichever comes last; None when the JVM chose by itself."""
    for word in reversed(options):
        for prefix in ("-Xmx", "-XX:MaxHeapSize="):
            if word.startswith(prefix):
                return _size(word.removeprefix(prefix))
    return None


def _size(text: str) -> int | None:
    digits, unit = (text[:-1], text[-1:].lower()) if text[-1:].lower() in _UNITS and text else (text, "")
    if not digits.isdecimal() or not digits.isascii() or len(digits) > 19:
        return None
    return int(digits) << _UNITS.get(unit, 0)


def _without_command(word: str) -> str:
    return next((prefix + "…" for prefix in _COMMANDS if word.startswith(prefix)), word)

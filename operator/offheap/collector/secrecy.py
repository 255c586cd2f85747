"""What of a text found in memory may leave the pod: cut short, words only, never a secret.

Strict on purpose: content is what leaks secrets. Whatever stands near a word that announces one (password, token,
Authorization, a PEM or JWT head) is withheld; a word that does not look like a word of some language or identifier is struck
out, and so are digits; addresses of people and machines are masked. What is lost by it is a clue at times.
"""

from __future__ import annotations

import re
from itertools import pairwise

PREFIX_CHARACTERS = 64
KEPT_CHARACTERS = 160
"""How far into a text anything is looked at for names; of the text itself only the prefix leaves."""
NEAR_CHARACTERS = 32
"""What stands before a marker by less than this is withheld too ("hunter2 is the password")."""

_MARKERS = (
    "authoriz|authenticat|bearer|passw|passphrase|passcode|pwd|secret|token|credential|cookie|csrf|xsrf|signature|"
    "api.?key|access.?key|private.?key|secret.?key|account.?key|session.?id|jsessionid|client.?id|otp|ssn|iban|cvv|"
    "credit.?card|card.?num"
)
_MARKER = re.compile(
    rf"(?i:{_MARKERS}|(?:pass|pw|auth|key|salt|hash)[\"']?\s{{0,3}}[=:]|hooks\.|basic [a-z\d+/=]|sig=|-----"
    r"|begin [a-z ]*(?:key|certificate)|ssh-(?:rsa|ed|dss)|\bpin\b)"
    r"|eyJ|AKIA|ASIA|AIza|gh[pousr]_|github_pat_|glpat-|xox[a-z]-|sk[_-](?:live|test|ant|proj)|hvs\.|npm_|SG\.|MII[A-Z]"
)
MARKER_BEFORE = re.compile(
    rb"(?i)(?:" + _MARKERS.encode() + rb"|username|login|[^a-z]user)[\w.-]{0,12}[\"'=: ]{0,3}[^\x20-\x7e]{1,16}$"
)
"""The end of what lies before a text in memory: a key whose value the text may be."""

_USER_OF_URL = re.compile(r"(?<=://)[^/\s\"'<>]*@")
_QUERY = re.compile(r"(?<=[\w/])\?[^\s\"'<>]*")
_EMAIL = re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)*")
_TIME = re.compile(r"\b\d{1,2}:\d\d(?::\d\d)?\b")
_ADDRESS = re.compile(
    r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.])|(?<![\w:])(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{0,4}(?![\w:])"
)
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_HEX = re.compile(r"(?<![A-Za-z0-9])(?:0x)?(?=[A-Fa-f]*\d)(?=\d*[A-Fa-f])[0-9a-fA-F]{7,}(?![A-Za-z0-9])")
_TOKEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9+/=_~$-]{7,}")
_PIECE = re.compile(r"[A-Za-z0-9_~$-]{8,}")
_DIGITS = re.compile(r"\d+")
_MASK = re.compile(r"<[a-z]+>|\*")
_CLASS_NAME = re.compile(r"(?<![\w./$])L?((?:[a-z][a-z0-9_]{0,30}[./]){2,9}[A-Z][A-Za-z0-9_]{1,60})(?![a-zA-Z0-9_])")
_WORD_CHARACTER = re.compile(r"[A-Za-z0-9_$#*]")

_LEAST_RANK = 5.4
_LEAST_RANK_IN_NAME = 4.8
"""A name with packages before it is far from chance, so its words may be rarer."""
_HUMP_RANK, _DIGIT_RANK = 3, 1
_RANKS = (
    "36762462604878160878554452"
    "62325210540720510452600040"
    "71538217506631820547510030"
    "63348322712522620543511030"
    "74786652312768364987364750"
    "61236610700511600533400030"
    "41217134500435420543400010"
    "70017000500231610425300020"
    "66766660212779851577150405"
    "40024100101010320110211000"
    "31126020400302210232201000"
    "73368220702622740156530051"
    "75138110600542670042400120"
    "72677572614335640278550030"
    "55672451414769660866655411"
    "72237124502712651747501040"
    "00000000000100000100500000"
    "83559440704465730666552060"
    "51638326704533662278623050"
    "82539317802442750866512161"
    "45536440500667250667000200"
    "60007000600020300010010000"
    "50114103500103410532000100"
    "21614100300140140125000130"
    "21113110200334360244001012"
    "20005000300000200000000010"
)
"""How usual a pair of letters is (row: first, column: second) in the identifiers of the JDK and in English: 5 as in random
letters, each step twice as frequent. Of random words of 20 letters and digits none in 20 000 has a mean of 5.4, of 12 one in
5 000; of identifiers of 14 letters 3 % fall below."""


def kept(text: str) -> str:
    """The beginning of a printable ASCII text with nothing secret in it, masked; "" when nothing may leave."""
    head = text[: KEPT_CHARACTERS + NEAR_CHARACTERS]
    if marker := _MARKER.search(head):
        head = _whole_words(head, marker.start() - NEAR_CHARACTERS)
    else:
        head = _whole_words(head, KEPT_CHARACTERS)
    for pattern, mask in (
        (_USER_OF_URL, ""),
        (_QUERY, "?*"),
        (_EMAIL, "<email>"),
        (_UUID, "<uuid>"),
        (_TIME, "#:#"),
        (_ADDRESS, "<ip>"),
        (_HEX, "<hex>"),
    ):
        head = pattern.sub(mask, head)
    head = _TOKEN.sub(_judged, head)
    head = _DIGITS.sub("#", head).strip()
    return head if sum(map(str.isalpha, _MASK.sub("", head))) >= 6 else ""


def prefix(kept_text: str) -> str:
    """The first words of a text that `kept` gave, at most 64 characters."""
    return _whole_words(kept_text, PREFIX_CHARACTERS).strip()


def class_names(kept_text: str) -> list[str]:
    """The qualified Java names in a text that `kept` gave, with dots."""
    return [name.replace("/", ".") for name in _CLASS_NAME.findall(kept_text)]


def is_random(word: str, least_rank: float = _LEAST_RANK) -> bool:
    """Whether a word is more likely drawn by chance (a key, an id, an encoding) than written."""
    total = pairs = 0
    for first, second in pairwise(word):
        if first.isdigit() and second.isdigit():
            continue
        if not (first.isalnum() and second.isalnum()):
            continue
        pairs += 1
        if first.isdigit() or second.isdigit():
            total += _DIGIT_RANK
        elif first.islower() and second.isupper():
            total += _HUMP_RANK
        else:
            total += int(_RANKS[26 * (ord(first.lower()) - 97) + ord(second.lower()) - 97])
    return pairs > 0 and total < least_rank * pairs


def _judged(found: re.Match[str]) -> str:
    token = found[0]
    if (token.count("/") and _CLASS_NAME.fullmatch(token)) or found.string[found.start() - 1 : found.start()] == ".":
        least_rank = _LEAST_RANK_IN_NAME
    else:
        least_rank = _LEAST_RANK
    if is_random(token, least_rank):
        return "*"
    return _PIECE.sub(lambda piece: "*" if is_random(piece[0], least_rank) else piece[0], token)


def _whole_words(text: str, length: int) -> str:
    """At most `length` characters, and no word of which only a part would be seen."""
    if length <= 0:
        return ""
    if len(text) <= length:
        return text
    while length > 0 and _WORD_CHARACTER.match(text[length]) and _WORD_CHARACTER.match(text[length - 1]):
        length -= 1
    return text[:length]

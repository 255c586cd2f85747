"""Nothing secret leaves, whatever stands around it; what tells whose memory it is does."""

from __future__ import annotations

import base64
import string
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offheap.collector.content import LEAST_COUNT, Content
from offheap.collector.secrecy import PREFIX_CHARACTERS, class_names, is_random, kept, prefix

PRINTABLE = st.text(string.ascii_letters + string.digits + string.punctuation + " ", max_size=200)
WINDOW = 8
"""So many characters of a secret in a row must not be seen."""


def leaks(secret: str, text: str) -> bool:
    return any(secret[at : at + WINDOW] in text for at in range(len(secret) - WINDOW + 1))


def drawn(random: Random, alphabet: str, length: int) -> str:
    return "".join(random.choice(alphabet) for _ in range(length))


passwords = st.text(string.ascii_letters + string.digits + "!#$%&*+-_", min_size=WINDOW, max_size=40)
announced = st.sampled_from(
    [
        "password={}", "db.password: {}", '"passwd":"{}"', "Authorization: Basic {}", "authorization: Bearer {}", "pwd={};",
        "X-Api-Key: {}", "api_key={}", "client_secret={}", "SECRET {}", "Set-Cookie: JSESSIONID={}", "access_token={}&x=1",
        "-----BEGIN RSA PRIVATE KEY-----{}", "{} is the password", "AKIA{}", "eyJ{}", "ghp_{}", "https://host/path?sig={}",
        "AccountKey={}", "xoxb-{}", "otp {}",
    ]
)  # fmt: skip


@settings(max_examples=500)
@given(
    passwords,
    announced,
    st.sampled_from(["", "com.acme.Orders keeps ", "GET /orders/list HTTP/1.1 ", "a b c "]),
    PRINTABLE,
)
def test_what_is_announced_does_not_leave(secret: str, template: str, before: str, after: str) -> None:
    text = kept(before + template.format(secret) + " " + after)
    assert not leaks(secret, text.replace(before.strip(), ""))


@settings(max_examples=500)
@given(
    st.randoms(use_true_random=False),
    st.sampled_from(
        [string.ascii_letters + string.digits, string.ascii_letters + string.digits + "+/", "0123456789abcdef"]
    ),
    st.integers(24, 64),
    st.sampled_from(
        ["{}", "id {} of the session", "key:{}", "/srv/data/{}/file", '{{"a":"{}"}}', "owner=com.acme.Cache {}"]
    ),
)
def test_what_is_drawn_by_chance_does_not_leave(random: Random, alphabet: str, length: int, template: str) -> None:
    secret = drawn(random, alphabet, length)
    assert not leaks(secret, kept(template.format(secret)))


@given(st.binary(min_size=24, max_size=90), PRINTABLE)
def test_encoded_chance_does_not_leave(seed: bytes, after: str) -> None:
    random = Random(seed)
    secret = base64.b64encode(random.randbytes(36)).decode()
    assert not leaks(secret, kept(f"the value {secret} {after}"))


@given(
    st.from_regex(r"[a-z]{2,10}\.[a-z]{2,10}@[a-z]{3,10}\.(com|org|example)", fullmatch=True),
    st.ip_addresses().map(str),
    st.integers(10_000_000, 10**18),
    st.uuids().map(str),
)
def test_addresses_and_numbers_are_masked(mail: str, address: str, number: int, uuid: str) -> None:
    text = kept(f"customer <{mail}> of {address} paid order {number} as {uuid} with Orders")
    for secret in (mail, address, str(number), uuid):
        assert len(secret) < WINDOW or not leaks(secret, text)
    assert text.startswith("customer <") or text == "", "withheld as a whole where the address holds a key word"


@given(PRINTABLE)
def test_any_text_gives_a_short_clean_one(text: str) -> None:
    safe = kept(text)
    assert len(prefix(safe)) <= PREFIX_CHARACTERS
    assert not any(character.isdigit() for character in safe)
    assert safe == "" or safe.isprintable()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "SESSION-CONTEXT native handle owner=com.acme.ImageCache id=1000017",
            "SESSION-CONTEXT native handle owner=com.acme.ImageCache id=#",
        ),
        ("https://user:pw@host.acme.com/path/to?x=1", "https://host.acme.com/path/to?*"),
        ("BOOT-INF/classes/com/acme/Orders.class", "BOOT-INF/classes/com/acme/Orders.class"),
        (
            "select o.id, o.total from orders o where o.customer = 17",
            "select o.id, o.total from orders o where o.customer = #",
        ),
        ("deadbeef12345678 checksum of the block", "<hex> checksum of the block"),
    ],
)
def test_what_names_an_owner_stays(text: str, expected: str) -> None:
    assert prefix(kept(text)) == expected


def test_a_word_is_never_cut_in_two() -> None:
    assert prefix(kept("word " * 12 + "Authors of the correspondence")) == ("word " * 12).strip()


def test_class_names_have_packages_and_dots() -> None:
    assert class_names("at com/acme/web/Cart$Line of com.acme.Orders, and Foo.Bar") == [
        "com.acme.web.Cart",
        "com.acme.Orders",
    ]


@pytest.mark.parametrize(
    "word", ["ImageCache", "ConcurrentHashMap", "PooledByteBufAllocator", "springframework", "SESSION-CONTEXT"]
)
def test_words_are_not_taken_for_keys(word: str) -> None:
    assert not is_random(word)


def rows(text: bytes, count: int = LEAST_COUNT + 2) -> bytes:
    return b"\1" + b"\1".join([text] * count) + b"\1"


def leaving(content: Content) -> list[str]:
    strings: Any = content.result()["strings"]
    return [one["prefix"] for one in strings]


def test_what_stays_rare_does_not_leave() -> None:
    content = Content()
    content.feed(rows(b"a letter to Jane about her order", LEAST_COUNT - 1))
    assert leaving(content) == []
    content.feed(rows(b"a letter to Jane about her order", 1))
    assert leaving(content) == ["a letter to Jane about her order"]


@pytest.mark.parametrize("key", [b"password", b"user.password", b"apiKey", b"token", b"username"])
def test_the_value_behind_a_key_does_not_leave(key: bytes) -> None:
    content = Content()
    content.feed(rows(key + b"\0\0\0\x14\0\0\0correct horse battery staple"))
    assert leaving(content) == []


@pytest.mark.parametrize(
    "text",
    [
        "PGPASS=opensesame",
        "db.pass: opensesame",
        "pw=opensesame",
        "X-Auth: opensesame",
        "https://hooks.slack.com/opensesame",
    ],
)
def test_a_short_key_announces_its_value_too(text: str) -> None:
    assert "opensesame" not in kept(f"order service of acme, {text} and more")

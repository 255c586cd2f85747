"""Kubernetes quantities as bytes and back: the only place that knows the suffixes."""

import re
from fractions import Fraction

_GRAMMAR = re.compile(
    r"(?P<number>[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))(?:(?P<suffix>[KMGTPE]i|[numkMGTPE])|[eE](?P<exponent>[+-]?0*[0-9]{1,2}))?"
)
_BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_SCALE = {
    **{suffix: Fraction(1024) ** power for power, suffix in enumerate(_BINARY)},
    **{
        suffix: Fraction(1000) ** power
        for power, suffix in enumerate(("n", "u", "m", "", "k", "M", "G", "T", "P", "E"), -3)
    },
}
_MAX_TEXT = 40
_MAX_BYTES = 2**63 - 1


def parse_quantity(quantity: str | int) -> int:
    """`1.5Gi`, `500M`, `1e9` or a plain number as bytes; fractions of a byte are rounded up, as the apiserver does.

    Raises ValueError for what is not a quantity and for what does not fit into 64 bits.
    """
    text = str(quantity)
    match = _GRAMMAR.fullmatch(text) if len(text) <= _MAX_TEXT else None
    if match is None:
        raise ValueError(f"not a quantity: {text[:_MAX_TEXT]!r}; write for example 256Mi, 1.5Gi or 1048576")
    value = Fraction(match["number"]) * _SCALE[match["suffix"] or ""] * Fraction(10) ** int(match["exponent"] or 0)
    rounded_up = -(-value.numerator // value.denominator)
    if abs(rounded_up) > _MAX_BYTES:
        raise ValueError(f"quantity out of range: {text!r} is more than {_MAX_BYTES} bytes")
    return rounded_up


def format_bytes(value: float) -> str:
    """Bytes for people: `1Gi`, `412Mi`, `2.31Gi`, `-12.4Mi`: three significant digits, more only where whole units
    need them."""
    size, unit = abs(round(value)), 0
    # 1023.5 of a unit would print as 1024 of it: that is 1 of the next.
    while size >= 1023.5 * 1024**unit and unit < len(_BINARY) - 1:
        unit += 1
    amount = size / 1024**unit
    decimals = 0 if amount >= 99.95 else 1 if amount >= 9.995 else 2
    number = f"{amount:.{decimals}f}"
    number = number.rstrip("0").rstrip(".") if "." in number else number
    sign = "-" if value < 0 and number != "0" else ""
    return f"{sign}{number}{_BINARY[unit]}"

"""The types of fields: what pydantic checks in Python and what the apiserver checks by schema, side by side."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel

from offheap.api.duration import PATTERN, parse_duration
from offheap.api.quantity import parse_quantity

SPEC = ConfigDict(
    alias_generator=to_camel,
    validate_by_name=True,
    validate_by_alias=True,
    serialize_by_alias=True,
    use_attribute_docstrings=True,
    frozen=True,
    extra="forbid",
)
"""What people write. An unknown field is refused: without it something else would be done to the target."""

STORED = SPEC | ConfigDict(extra="ignore")
"""What was stored before, perhaps by another version: fields unknown to this one are not in the way."""

_CUT = " … (cut)"


def rule(expression: str, message: str, **more: str) -> dict[str, str]:
    """One CEL rule; `more` is `reason`, `fieldPath`, …"""
    return {"rule": expression, "message": message, **more}


def rules(*validations: Mapping[str, str]) -> dict[str, Any]:
    """CEL rules as `json_schema_extra` of a field or model."""
    return {"x-kubernetes-validations": [dict(one) for one in validations]}


def is_duration(path: str) -> str:
    """CEL: `path` holds a duration. Guards every other rule about it, so that one mistake gives one message."""
    return f"{path}.matches('{PATTERN.replace(chr(92), chr(92) * 2)}')"


def between(least: str, most: str) -> WithJsonSchema:
    """The schema of a duration with its bounds, both included."""
    within = f"duration(self) >= duration('{least}') && duration(self) <= duration('{most}')"
    return WithJsonSchema(
        {
            "type": "string",
            "minLength": 2,
            "maxLength": 20,
            **rules(
                rule(is_duration("self"), "must be a duration such as 500ms, 15s, 10m or 1h30m"),
                rule(f"!{is_duration('self')} || {within}", f"must be between {least} and {most}"),
            ),
        }
    )


def sized(least: str, most: str) -> WithJsonSchema:
    """The schema of a quantity with its bounds, both included; a bare number is a number of bytes."""
    low, high = parse_quantity(least), parse_quantity(most)
    within = f"quantity(self).compareTo(quantity('{least}')) >= 0 && quantity(self).compareTo(quantity('{most}')) <= 0"
    return WithJsonSchema(
        {
            "x-kubernetes-int-or-string": True,
            "maxLength": 20,
            **rules(
                rule("type(self) == int || isQuantity(self)", "must be a quantity such as 32Mi, 1.5Gi or 33554432"),
                rule(
                    f"type(self) == int ? self >= {low} && self <= {high} : !isQuantity(self) || {within}",
                    f"must be between {least} and {most}",
                ),
            ),
        }
    )


def _checked_duration(text: str) -> str:
    parse_duration(text)
    return text


def _checked_quantity(text: str) -> str:
    parse_quantity(text)
    return text


def _number_as_text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Duration = Annotated[str, AfterValidator(_checked_duration)]
"""To be used with `between` in a spec; read it with `parse_duration`."""

Quantity = Annotated[str, BeforeValidator(_number_as_text), AfterValidator(_checked_quantity)]
"""To be used with `sized` in a spec; read it with `parse_quantity`."""

ShownDuration = Annotated[str, StringConstraints(max_length=20)]
"""A length of time in a status, made by `format_duration`."""

ShownQuantity = Annotated[
    str,
    BeforeValidator(_number_as_text),
    Field(max_length=20, json_schema_extra=rules(rule("isQuantity(self)", "must be a quantity such as 412Mi"))),
]
"""Bytes in a status, made by `format_bytes`; may be negative where it is a growth."""

Count = Annotated[int, Field(ge=0, json_schema_extra={"format": "int64"})]
Bytes = Annotated[int, Field(json_schema_extra={"format": "int64"})]
Id = Annotated[int, Field(ge=0, json_schema_extra={"format": "int64"})]
"""A process, user or group id, or a start time in ticks."""

DnsLabel = Annotated[str, StringConstraints(min_length=1, max_length=63, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]
DnsName = Annotated[
    str,
    StringConstraints(
        min_length=1, max_length=253, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
    ),
]
_NO_PART_OF_A_REASON = re.compile(r"^[^A-Za-z]+|[^A-Za-z0-9_]+")


def _one_word(text: object) -> object:
    return _NO_PART_OF_A_REASON.sub("", text)[:128] or "Unnamed" if isinstance(text, str) else text


# A collector of another version may give a reason of its own; a status that is refused for it would say nothing at all.
Reason = Annotated[
    str,
    StringConstraints(min_length=1, max_length=128, pattern=r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$"),
    BeforeValidator(_one_word),
]
"""One word in CamelCase, for programs."""


def _clip(most: int) -> BeforeValidator:
    def clip(text: object) -> object:
        if not isinstance(text, str):
            return text
        # A lone surrogate is legal in JSON and cannot be written as UTF-8: no status with one would ever be saved.
        plain = text.encode(errors="replace").decode()
        return plain[: most - len(_CUT)] + _CUT if len(plain) > most else plain

    return BeforeValidator(clip)


# Texts may quote what the target says, of any length; a status that is refused for its length would say nothing at all.
Word = Annotated[str, _clip(256), StringConstraints(max_length=256)]
Text = Annotated[str, _clip(2048), StringConstraints(max_length=2048)]

Name = Annotated[str, StringConstraints(max_length=253)]
"""A name or UID that the apiserver gave us: never cut, because it is looked up again."""


def _as_metav1_time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


Time = Annotated[
    AwareDatetime,
    AfterValidator(lambda moment: moment.astimezone(UTC).replace(microsecond=0)),
    PlainSerializer(_as_metav1_time, return_type=str, when_used="json"),
]
"""A moment as metav1.Time: UTC, whole seconds."""

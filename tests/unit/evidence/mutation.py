"""Texts that are nearly right: pieces of a real one cut out or replaced. What every parser must survive."""

from __future__ import annotations

from hypothesis import strategies as st


@st.composite
def mutated(draw: st.DrawFn, texts: list[str], alphabet: str = "0123456789abcdefxt@*[]: \n-/<>&;=,()kKMB") -> str:
    """One of the texts with one to four pieces of at most 40 characters replaced, and perhaps its end cut off."""
    text = draw(st.sampled_from(texts))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 40)))
        text = text[:start] + draw(st.text(max_size=12) | st.text(alphabet, max_size=12)) + text[end:]
    return text[: draw(st.integers(0, len(text)))] if draw(st.booleans()) else text

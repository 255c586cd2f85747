"""For all tests: no timed assertions, for the machines that run them are noisy."""

import asyncio

from hypothesis import settings

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# pytest-asyncio asks for the thread's event loop to put it back later; Python 3.11 would make one then, which nobody closes.
asyncio.set_event_loop(None)

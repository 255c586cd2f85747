"""For all tests: no timed assertions, for the machines that run them are noisy."""

from hypothesis import settings

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

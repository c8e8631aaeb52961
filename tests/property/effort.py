"""How many examples a property gets: its own number in an ordinary run, with `--long` four times as many.

Faults put into the code (`tests.mutation`) are tried with a tenth of them.
"""

from hypothesis import HealthCheck, settings

WHOLE = 100


def examples(count: int) -> settings:
    """`count` examples, or the share of them that the profile's `max_examples` says in percent, always the same."""
    share = max(5, count * settings.default.max_examples // WHOLE)
    unhurried = [HealthCheck.too_slow, HealthCheck.data_too_large]
    return settings(max_examples=share, deadline=None, derandomize=True, suppress_health_check=unhurried)

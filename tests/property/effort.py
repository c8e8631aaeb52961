"""How many examples a property gets: its own number in an ordinary run, a share of it where a profile asks for less."""

from hypothesis import HealthCheck, settings

WHOLE = 100


def examples(count: int) -> settings:
    """The same examples in every run, `count` of them; a profile with `max_examples` of 10 makes a tenth of them."""
    share = max(5, count * settings.default.max_examples // WHOLE)
    unhurried = [HealthCheck.too_slow, HealthCheck.data_too_large]
    return settings(max_examples=share, deadline=None, derandomize=True, suppress_health_check=unhurried)

"""What a measure says: figures with their units."""

from collections.abc import Mapping, Sequence

Figures = Mapping[str, tuple[float, str]]  # what: (value, unit)


def quantile_ms(times_s: Sequence[float], share: float) -> float:
    return sorted(times_s)[min(len(times_s) - 1, int(share * len(times_s)))] * 1000

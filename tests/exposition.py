"""What GET /metrics says, for tests to look figures up in."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families


class Exposition:
    """Figures by name, without our prefix, and labels."""

    def __init__(self, text: str) -> None:
        self.families = {family.name: family for family in text_string_to_metric_families(text)}
        self._values = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in self.families.values()
            for sample in family.samples
        }

    def value(self, name: str, **labels: str) -> float:
        """KeyError if there is no such figure."""
        return self._values[f"crypto_quotes_{name}", frozenset(labels.items())]

    def total(self, name: str, **labels: str) -> float:
        """The sum of the figures that have these labels, whatever else they have."""
        return sum(
            value
            for (known, having), value in self._values.items()
            if known == f"crypto_quotes_{name}" and having >= labels.items()
        )

"""Measurements, side by side with what people would write instead: `make bench`. See docs/BENCHMARKS.md."""

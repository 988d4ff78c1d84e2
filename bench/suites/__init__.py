"""A file a group of the targets; each has `measure(ground, options) -> Findings`."""

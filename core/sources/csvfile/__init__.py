"""How a CSV file is read, in the order in which it happens.

The beginning of a file (64 KiB) is surveyed once: what it is at all (`lookalikes`), its `encoding`, its delimiter and
line ends (`dialect`), which column is what (`headers`, `columns`), which mark is the decimal one (`marks`). The outcome
is a `layout.Layout`, all that is needed to read any later piece. The file is then cut into pieces at record boundaries
(`pieces`, by the rules of `records`), and each piece becomes columns of text (`table`, by the readers of `reading`),
coins (`coins`), figures (`cells`), times (`times`) and quotes (`rows`).
"""

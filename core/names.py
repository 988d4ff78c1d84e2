"""Names made comparable. Ids are built from these, so a change here changes ids: only ever add, never alter."""

from __future__ import annotations

import re
import unicodedata

_GAPS = re.compile(r"[\W_]+")


def slug(text: str) -> str:
    """Lower case, letters and digits of any script, everything else one hyphen: `Shiba Inu!` is `shiba-inu`.

    Text without a letter or digit (`🐶`) is spelled by its code points (`u1f436`), so that it stays itself.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    made = _GAPS.sub("-", folded).strip("-")
    return made or "-".join(f"u{ord(char):x}" for char in folded.strip())

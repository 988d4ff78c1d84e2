"""Names made comparable.

Ids are built from slugs, and keys are stored with every mapping: a change here changes ids, or wants the stored keys
computed anew. Only ever add, never alter.
"""

from __future__ import annotations

import re
import unicodedata

_GAPS = re.compile(r"[\W_]+")
_REISSUED = re.compile(r"\(\s*new\s*\)")
# Words that a source adds to a coin's name or leaves out as it likes. Each lets more of the same coins meet, and each
# makes namesakes of two coins of one source here and there: `coin`, `finance`, `dao`, `chain`, `(old)` and a leading
# `the` were tried on two sources' whole lists and lost as many true matches as they gained, or more.
_SUFFIXES = ("token", "network", "protocol")


def slug(text: str) -> str:
    """Lower case, letters and digits of any script, everything else one hyphen: `Shiba Inu!` is `shiba-inu`.

    Text without a letter or digit (`🐶`) is spelled by its code points (`u1f436`), so that it stays itself.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    made = _GAPS.sub("-", folded).strip("-")
    return made or "-".join(f"u{ord(char):x}" for char in folded.strip())


def symbol_key(symbol: str) -> str:
    """A symbol made comparable: letters and digits only, in lower case. `$GODL` is `godl`, `E$P` is `ep`.

    A symbol without a letter or digit stays as it is; only a blank one has the empty key.
    """
    folded = unicodedata.normalize("NFKC", symbol).casefold()
    return _GAPS.sub("", folded) or folded.strip()


def name_key(name: str) -> str:
    """A name made comparable, so that two sources' spellings of one coin meet.

    Lower case, letters and digits only (`Dxsale.network` is `DxSale Network`, `VNTchain` is `VNT Chain`), without
    `(new)` and without `token`, `network` or `protocol` at its end, written apart or not (`CyberVeinToken` is
    `CyberVein`), as long as something is left. Accents stay, and so do `(old)` and a version: those are other coins.
    A name without a letter or digit stays as it is; only a blank one has the empty key.
    """
    folded = unicodedata.normalize("NFKC", name).casefold()
    key = _GAPS.sub("", _REISSUED.sub(" ", folded)) or folded.strip()
    shorter = True
    while shorter:
        shorter = False
        for suffix in _SUFFIXES:
            if key.endswith(suffix) and key != suffix:
                key, shorter = key.removesuffix(suffix), True
    return key

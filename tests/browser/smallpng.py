"""A screenshot's PNG made small: at most 256 colours, by a palette. Flat pages have few more, at edges of letters."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_RGB, _PALETTE, _RGBA = 2, 3, 6
_COLOURS = 256
# Colours that agree in the first five bits of each channel are taken together while the palette is chosen.
_KEPT_BITS = 5

Pixels = NDArray[np.uint8]


def small(png: bytes) -> bytes:
    """The same picture in at most 256 colours. Takes what Chromium makes: 8 bits a channel, RGB or RGBA, opaque."""
    pixels = _read(png)
    palette, indices = _quantized(pixels)
    height, width = indices.shape
    head = struct.pack(">IIBBBBB", width, height, 8, _PALETTE, 0, 0, 0)
    rows = np.hstack([np.zeros((height, 1), np.uint8), indices])  # filter 0 is the best for palettes
    body = zlib.compress(rows.tobytes(), 9)
    return _SIGNATURE + b"".join(
        _chunk(kind, data)
        for kind, data in ((b"IHDR", head), (b"PLTE", palette.tobytes()), (b"IDAT", body), (b"IEND", b""))
    )


def _read(png: bytes) -> Pixels:
    chunks = list(_chunks(png))
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[0][1])
    if depth != 8 or colour not in (_RGB, _RGBA) or interlaced:
        raise ValueError("only plain PNGs of 8 bits a channel are read")
    channels = 4 if colour == _RGBA else 3
    raw = zlib.decompress(b"".join(data for kind, data in chunks if kind == b"IDAT"))
    rows = np.frombuffer(raw, np.uint8).reshape(height, 1 + width * channels)
    pixels = np.zeros((height, width, channels), np.uint8)
    above = np.zeros((width, channels), np.uint8)
    for number, row in enumerate(rows):
        above = pixels[number] = _unfiltered(int(row[0]), row[1:].reshape(width, channels), above)
    return pixels[:, :, :3]


def _unfiltered(kind: int, row: Pixels, above: Pixels) -> Pixels:
    if kind == 0:
        return row
    if kind == 1:
        return np.cumsum(row, axis=0, dtype=np.uint8)
    if kind == 2:
        return row + above
    return _average_or_paeth(kind, row.astype(int), above.astype(int))


def _average_or_paeth(kind: int, row: NDArray[np.int_], above: NDArray[np.int_]) -> Pixels:
    """Filters 3 and 4, whose pixels depend on the one to their left."""
    out = np.zeros_like(row)
    left = upper_left = np.zeros(row.shape[1], int)
    for place in range(len(row)):
        up = above[place]
        if kind == 3:
            guess = (left + up) // 2
        else:
            estimate = left + up - upper_left
            off_left, off_up, off_corner = abs(estimate - left), abs(estimate - up), abs(estimate - upper_left)
            by_side = np.where(off_left <= np.minimum(off_up, off_corner), left, upper_left)
            guess = np.where((off_up < off_left) & (off_up <= off_corner), up, by_side)
        left = out[place] = (row[place] + guess) % 256
        upper_left = up
    return out.astype(np.uint8)


def _quantized(pixels: Pixels) -> tuple[Pixels, Pixels]:
    """The palette, and each pixel's place in it."""
    height, width, _ = pixels.shape
    flat = pixels.reshape(-1, 3)
    colours, places, counts = np.unique(flat, axis=0, return_inverse=True, return_counts=True)
    palette = colours
    if len(colours) > _COLOURS:
        palette = _palette(colours, counts)
    nearest = np.array([int(np.argmin(((palette.astype(int) - colour) ** 2).sum(axis=1))) for colour in colours])
    return palette, nearest[places.reshape(-1)].astype(np.uint8).reshape(height, width)


def _palette(colours: Pixels, counts: NDArray[np.int_]) -> Pixels:
    """The most frequent colour out of each group of like ones, for the 256 groups with the most pixels."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for place, colour in enumerate(colours >> (8 - _KEPT_BITS)):
        groups.setdefault(tuple(map(int, colour)), []).append(place)
    largest = sorted(groups.values(), key=lambda places: -int(counts[places].sum()))[:_COLOURS]
    return colours[[max(places, key=lambda place: int(counts[place])) for places in largest]]


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = len(_SIGNATURE)
    while place < len(png):
        (size,) = struct.unpack(">I", png[place : place + 4])
        yield png[place + 4 : place + 8], png[place + 8 : place + 8 + size]
        place += 12 + size


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

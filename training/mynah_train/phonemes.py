"""The phoneme inventory: class 0 is blank (no phone), class i+1 is PHONEMES[i]."""

from __future__ import annotations

# ARPAbet -> (IPA, vowel), in class order.
INVENTORY: dict[str, tuple[str, bool]] = {
    "AA": ("ɑ", True), "AE": ("æ", True), "AH": ("ʌ", True), "AO": ("ɔ", True), "AW": ("aʊ", True),
    "AY": ("aɪ", True), "B": ("b", False), "CH": ("tʃ", False), "D": ("d", False), "DH": ("ð", False),
    "EH": ("ɛ", True), "ER": ("ɝ", True), "EY": ("eɪ", True), "F": ("f", False), "G": ("ɡ", False),
    "HH": ("h", False), "IH": ("ɪ", True), "IY": ("i", True), "JH": ("dʒ", False), "K": ("k", False),
    "L": ("l", False), "M": ("m", False), "N": ("n", False), "NG": ("ŋ", False), "OW": ("oʊ", True),
    "OY": ("ɔɪ", True), "P": ("p", False), "R": ("ɹ", False), "S": ("s", False), "SH": ("ʃ", False),
    "T": ("t", False), "TH": ("θ", False), "UH": ("ʊ", True), "UW": ("u", True), "V": ("v", False),
    "W": ("w", False), "Y": ("j", False), "Z": ("z", False), "ZH": ("ʒ", False),
}
PHONEMES: tuple[str, ...] = tuple(INVENTORY)
CLASSES = 1 + len(PHONEMES)
BLANK = 0
_CLASS = {p: i + 1 for i, p in enumerate(PHONEMES)}


def split(symbol: str) -> tuple[int, int]:
    """Class and stress of an ARPAbet symbol: "AH0" -> (3, 0). Raises KeyError for others."""
    if symbol[-1].isdigit():
        return _CLASS[symbol[:-1]], int(symbol[-1])
    return _CLASS[symbol], 0

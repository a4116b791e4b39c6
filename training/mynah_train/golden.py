"""Golden files for the scorer in Go: what the shipped graphs and this package's alignment say of a few recordings."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import soundfile

from . import export
from .align import viterbi
from .data import SAMPLE_RATE, Utterance, read_audio

README = """# Golden recordings
Written by `python -m mynah_train golden`: for each recording the phones expected in it, their alignment and all
outputs of the shipped model, through ONNX Runtime. The scorer's test holds Go to them.

The recordings (FLAC, 16 kHz mono) are from speechocean762's train split: Zhang et al., "speechocean762: An Open-Source Non-native English Speech Corpus For Pronunciation
Assessment", Interspeech 2021, CC BY 4.0.
"""


def choose(us: list[Utterance], count: int = 8, longest: float = 5.0) -> list[Utterance]:
    """Children and adults, good and poor speech, each of another speaker, none long."""
    chosen: list[Utterance] = []
    groups = [(child, band) for band in (0, 1, 2, 3) for child in (True, False)]
    bands = [(0, 4.5), (4.5, 6.5), (6.5, 8.5), (8.5, 11)]
    for child, band in groups:
        low, high = bands[band]
        for u in us:
            if ((u.age < 16) == child and low <= u.scores[0] < high and u.speaker not in {c.speaker for c in chosen}
                    and soundfile.info(u.path).duration <= longest):
                chosen.append(u)
                break
    return chosen[:count]


def write(model: Path, us: list[Utterance], folder: Path) -> None:
    """Of the recordings that are in the folder already, or else of some of us."""
    folder.mkdir(parents=True, exist_ok=True)
    before = {p.stem for p in folder.glob("*.json")}
    chosen = [u for u in us if u.id in before] or choose(us)
    for old in (*folder.glob("*.json"), *folder.glob("*.flac")):
        old.unlink()
    acoustic, judge = export.session(model / "acoustic.onnx"), export.session(model / "judge.onnx")
    for u in chosen:
        pcm = (np.clip(read_audio(u.path), -1, 1) * 32768).clip(-32768, 32767).astype(np.int16)
        soundfile.write(folder / f"{u.id}.flac", pcm, SAMPLE_RATE)
        logp, frames = export.listen(acoustic, pcm.astype(np.float32) / 32768)
        first, last, loglik = viterbi(logp, u.phones)
        out = export.judge(judge, logp, frames, u.phones, u.stress, u.words, first, last)
        record = {
            "text": u.text, "audio": f"{u.id}.flac", "samples": len(pcm), "frames": len(logp),
            "phoneme": u.phones.tolist(), "stress": u.stress.tolist(), "word": u.words.tolist(),
            "first": first.tolist(), "last": last.tolist(), "log_likelihood": round(loglik, 3),
            "outputs": {k: np.round(v.astype(float), 5).tolist() for k, v in out.items()},
        }
        (folder / f"{u.id}.json").write_text(json.dumps(record) + "\n", encoding="utf-8")
    (folder / "README.md").write_text(README, encoding="utf-8")

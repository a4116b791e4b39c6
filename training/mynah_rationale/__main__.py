"""Command line: see README.md."""

from __future__ import annotations

import os

# Threads that wait must not spin: on a machine that does other work too, it halves the speed. Before torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("GOMP_SPINCOUNT", "0")

import argparse
import json
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
    p.add_argument("--work", type=Path, required=True, help="examples and adapters")
    p.add_argument("--out", type=Path, required=True, help="the GGUF file that is served")
    p.add_argument("--only", choices=("sft",), help="leave the preference stage out, to compare")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--sft-examples", type=int)
    p.add_argument("--pairs", type=int)
    p.add_argument("--smoke", action="store_true", help="a handful of steps, a minute: proves that the pipeline runs")
    a = p.parse_args()

    cfg = Config(threads=a.threads)
    if a.sft_examples is not None:
        cfg = type(cfg)(**{**vars(cfg), "sft_examples": a.sft_examples})
    if a.pairs is not None:
        cfg = type(cfg)(**{**vars(cfg), "pairs": a.pairs})
    if a.smoke:
        cfg = cfg.smoke()
    torch.set_num_threads(cfg.threads)
    torch.manual_seed(cfg.seed)
    a.work.mkdir(parents=True, exist_ok=True)
    a.out.parent.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()

    mynah = data.Mynah(a.mynah.absolute(), a.corpus, a.labels)
    speakers, _ = data.split_speakers(a.labels, a.held_out.read_text().split(), a.work)
    examples, passed = data.examples(mynah, speakers, cfg, a.work, cfg.seed)
    print(f"{len(examples)} examples; {100 * passed:.1f} % of the grammar's wordings passed the verifier", flush=True)
    tokenizer, base = decoder.load(a.base)
    model = decoder.adapted(base, cfg)
    losses = {"sft": train.sft(model, tokenizer, examples, cfg)}
    if a.only != "sft":
        losses["preference"] = train.prefer(model, tokenizer, examples[::-1], cfg)  # mostly others than SFT's
    merged = model.merge_and_unload()
    size = decoder.export(merged.state_dict(), a.base, a.out, "mynah-rationale")
    (a.work / "losses.json").write_text(json.dumps(losses), encoding="utf-8")
    print(f"{a.out}: {size / 1e6:.0f} MB after {(time.monotonic() - start) / 60:.0f} minutes", flush=True)


main()

"""Examples: requests of `mynah eval rationale --requests`, with wordings that its verifier passed and ones to avoid."""

from __future__ import annotations

import json
import random
import subprocess
from dataclasses import dataclass
from pathlib import Path

import torch

from . import grammar
from .config import Config
from .loss import IGNORED


@dataclass(frozen=True)
class Mynah:
    """The program that makes requests and verifies answers, and what it is told of the corpus."""

    program: Path
    corpus: Path
    labels: Path

    def run(self, *args: str | Path) -> None:
        subprocess.run([self.program, "eval", "rationale", self.corpus, "--labels", self.labels, "--from", "experts", "--json", *args],
                       check=True, stdout=subprocess.DEVNULL)

    def requests(self, speakers: Path, to: Path) -> list[dict]:
        """What an endpoint is asked for the experts' labels of these speakers."""
        self.run("--speakers", speakers, "--requests", to)
        return _lines(to)

    def verified(self, speakers: Path, answers: list[dict], work: Path) -> list[dict]:
        """The answers, each with whether the verifier passes the whole of it."""
        file = work / "candidates.jsonl"
        file.write_text("".join(json.dumps(a, ensure_ascii=False) + "\n" for a in answers), encoding="utf-8")
        self.run("--speakers", speakers, "--answers", file, "--out", work)
        return _lines(work / "verified.jsonl")


def _lines(path: Path) -> list[dict]:
    with path.open(encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def split_speakers(labels: Path, held_out: list[str], work: Path) -> tuple[Path, Path]:
    """Files that list the speakers to train on, and those held out."""
    every = sorted({u["speaker"] for u in _lines(labels)})
    train, held = work / "train-speakers.txt", work / "held-out-speakers.txt"
    train.write_text("\n".join(s for s in every if s not in held_out), encoding="utf-8")
    held.write_text("\n".join(held_out), encoding="utf-8")
    return train, held


@dataclass(frozen=True)
class Example:
    """A request, an answer that passed, and one to avoid."""

    system: str
    user: str
    chosen: str
    rejected: str
    kind: str  # of the rejected one


def examples(mynah: Mynah, speakers: Path, cfg: Config, work: Path, seed: int) -> tuple[list[Example], float]:
    """An example for each request that a chosen wording was found for, and the share of the grammar's wordings that passed.

    An answer to avoid never passes: the verifier is asked about those too.
    """
    rng = random.Random(seed)
    asked = mynah.requests(speakers, work / "requests.jsonl")
    rng.shuffle(asked)
    asked = asked[: 2 * max(cfg.sft_examples, cfg.pairs)]
    tried, avoided = [], []
    for r in asked:
        claims = grammar.claims_of(r)
        tried += [{"id": r["id"], "answer": grammar.chosen(claims, rng)} for _ in range(cfg.candidates)]
        text, kind = grammar.rejected(claims, rng)
        avoided.append({"id": r["id"], "answer": text, "kind": kind})
    checked = mynah.verified(speakers, tried + avoided, work)
    passed: dict[str, list[str]] = {}
    for v in checked[: len(tried)]:
        if v["whole"]:
            passed.setdefault(v["id"], []).append(v["answer"])
    out = []
    for r, a, v in zip(asked, avoided, checked[len(tried) :], strict=True):
        if not v["whole"] and r["id"] in passed:
            out.append(Example(r["system"], r["user"], rng.choice(passed[r["id"]]), a["answer"], a["kind"]))
    return out, sum(map(len, passed.values())) / len(tried)


def tokens(tokenizer, system: str, user: str, answer: str) -> tuple[torch.Tensor, torch.Tensor]:
    """(input, labels) of one answer, as the model's chat template puts it; labels are IGNORED before the answer."""
    messages = [{"role": "system", "content": system}, {"role": "user", "content": user}]
    prompt = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    before = tokenizer(prompt, add_special_tokens=False)["input_ids"]
    said = tokenizer(answer + tokenizer.eos_token, add_special_tokens=False)["input_ids"]
    return torch.tensor(before + said), torch.tensor([IGNORED] * len(before) + said)

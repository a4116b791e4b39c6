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
    speakers: Path  # a file that lists those to train on
    work: Path

    def run(self, labels_of: str, *args: str | Path) -> None:
        subprocess.run([self.program, "eval", "rationale", self.corpus, "--labels", self.labels, "--speakers", self.speakers, "--from", labels_of,
                        "--out", self._dir(labels_of), "--json", *args], check=True, stdout=subprocess.DEVNULL)

    def requests(self, labels_of: str) -> list[dict]:
        """What an endpoint is asked for these labels: the "experts"' or the "model"'s."""
        to = self._dir(labels_of) / "requests.jsonl"
        self.run(labels_of, "--requests", to)
        return _lines(to)

    def verified(self, labels_of: str, answers: list[dict]) -> list[dict]:
        """The answers, each with whether the verifier passes the whole of it."""
        file = self._dir(labels_of) / "candidates.jsonl"
        file.write_text("".join(json.dumps(a, ensure_ascii=False) + "\n" for a in answers), encoding="utf-8")
        self.run(labels_of, "--answers", file)
        return _lines(self._dir(labels_of) / "verified.jsonl")

    def _dir(self, labels_of: str) -> Path:
        out = self.work / labels_of
        out.mkdir(parents=True, exist_ok=True)
        return out


def _lines(path: Path) -> list[dict]:
    with path.open(encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def write_speakers(labels: Path, held_out: list[str], to: Path) -> None:
    """Lists the speakers to train on."""
    to.write_text("\n".join(sorted({u["speaker"] for u in _lines(labels)} - set(held_out))), encoding="utf-8")


@dataclass(frozen=True)
class Example:
    """A request, an answer that passed, and one to avoid."""

    system: str
    user: str
    chosen: str
    rejected: str
    kind: str  # of the rejected one


def examples(mynah: Mynah, cfg: Config) -> tuple[list[Example], float]:
    """An example for each chosen wording that passed, and the share of the grammar's wordings that did.

    Half are of the experts' labels, half of the model's, which is not always sure. An answer to avoid never passes: the
    verifier is asked about those too.
    """
    rng = random.Random(cfg.seed)
    out: list[Example] = []
    tried = passed = 0
    for labels_of in ("experts", "model"):
        asked = [r for r in mynah.requests(labels_of) if grammar.fixes(grammar.claims_of(r)) or rng.random() < cfg.easy]
        rng.shuffle(asked)
        asked = asked[: 8 * cfg.sft_examples]  # all of the corpus's; for a smoke test a few
        chosen, avoided = [], []
        for r in asked:
            claims = grammar.claims_of(r)
            avoid = json.loads(r["user"]).get("avoid")
            chosen += [{"id": r["id"], "answer": grammar.chosen(claims, rng, avoid)} for _ in range(cfg.candidates)]
            text, kind = grammar.rejected(claims, rng)
            avoided.append({"id": r["id"], "answer": text, "kind": kind})
        checked = mynah.verified(labels_of, chosen + avoided)
        for k, (r, a) in enumerate(zip(asked, avoided, strict=True)):
            said = {v["answer"] for v in checked[k * cfg.candidates : (k + 1) * cfg.candidates] if v["whole"]}
            passed += sum(v["whole"] for v in checked[k * cfg.candidates : (k + 1) * cfg.candidates])
            if not checked[len(chosen) + k]["whole"]:
                out += [Example(r["system"], r["user"], s, a["answer"], a["kind"]) for s in sorted(said)]
        tried += len(chosen)
    rng.shuffle(out)
    return out, passed / tried


def tokens(tokenizer, system: str, user: str, answer: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(system, rest, labels of the rest) of one answer, as the model's chat template puts it.

    The prompt is cut where the system's message ends; labels are IGNORED before the answer.
    """
    told = [{"role": "system", "content": system}]
    whole = tokenizer.apply_chat_template([*told, {"role": "user", "content": user}], tokenize=False, add_generation_prompt=True)
    first = tokenizer.apply_chat_template(told, tokenize=False)
    if not whole.startswith(first):
        raise ValueError("the chat template doesn't put the system's message first")
    ids = [tokenizer(s, add_special_tokens=False)["input_ids"] for s in (first, whole[len(first) :], answer + tokenizer.eos_token)]
    return torch.tensor(ids[0]), torch.tensor(ids[1] + ids[2]), torch.tensor([IGNORED] * len(ids[1]) + ids[2])

"""Fine-tunes encoder, recogniser and judges together: what comes out of this is what is shipped."""

from __future__ import annotations

import copy
import math
import random
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile
import torch
from torch import nn

from . import added, heard, judging
from .align import NotAlignable, viterbi
from .augment import Augment
from .config import Config
from .data import Utterance, read_audio
from .encoder import Encoder
from .judge import Judge, Raw, evidence
from .mel import LogMel
from .metrics import best_f1, pearson
from .recogniser import Recogniser, batches, ctc_loss, mask_of, phone_error_rate
from .synthetic import PHONE_SCORE, WORD_SCORE


def schedule(done: float) -> float:
    """Share of the peak learning rate when a share of the run is done: up over the first tenth, down along a cosine."""
    return done / 0.1 + 0.01 if done < 0.1 else 0.5 * (1 + math.cos(math.pi * (done - 0.1) / 0.9))


class Tuner:
    """One run. Checkpoints after every epoch; a run begun again goes on from the last.

    What is kept is the moving average of the weights, itself averaged over the ends of the epochs: later ones hear
    wrong sounds better, earlier ones agree with experts better.
    """

    def __init__(self, encoder: Encoder, recogniser: Recogniser, judges: list[Judge], cfg: Config, checkpoint: Path):
        self.cfg, self.checkpoint = cfg, checkpoint
        self.mel = LogMel()
        self.audio: dict[Path, np.ndarray] = {}
        self.seconds: dict[Path, float] = {}
        encoder.freeze(cfg.joint_frozen_layers)
        self.model = nn.ModuleDict({"encoder": encoder, "recogniser": recogniser, "judges": nn.ModuleList(judges)})
        self.mean, self.kept = copy.deepcopy(self.model).eval(), copy.deepcopy(self.model).eval()

    def hear(self, model: nn.ModuleDict, utterances: list[Utterance], augment: Augment | None, speed: float = 0.0
             ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Log posteriors, frames (padded) and the number of frames of each."""
        mels = []
        for u in utterances:
            if u.path not in self.audio:
                self.audio[u.path] = (read_audio(u.path) * 32767).astype(np.int16)
            x = self.audio[u.path].astype(np.float32) / 32767
            if augment:
                x = augment.samples(x, speed)
            m = self.mel(torch.from_numpy(x)[None])[0]
            mels.append(augment.mel(m) if augment else m)
        lengths = torch.tensor([m.shape[1] for m in mels])
        batch = torch.zeros(len(mels), mels[0].shape[0], int(lengths.max()))
        for row, m in zip(batch, mels):
            row[:, : m.shape[1]] = m
        count = (lengths + 1) // 2
        with torch.autocast("cpu", torch.bfloat16):
            frames = model["encoder"](batch, lengths)
            logits = model["recogniser"](frames, mask_of(count, frames.shape[1]))
        return logits.float().log_softmax(-1), frames.float(), count

    def judged(self, model: nn.ModuleDict, us: list[Utterance], logp: torch.Tensor, frames: torch.Tensor,
               count: torch.Tensor) -> tuple[list[Raw], list[Utterance]]:
        """Each judge's answers about the utterances that can be aligned to what was heard, and which these are."""
        rows, aligned, known = [], [], logp.detach().numpy()
        for i, u in enumerate(us):
            try:
                first, last, _ = viterbi(known[i, : count[i]], u.phones)
            except NotAlignable:
                continue
            rows.append(i)
            aligned.append((u, first, last))
        p = judging.phones_of(aligned)
        e = evidence(logp[rows], frames[rows], p, mask_of(count[rows], logp.shape[1]))
        return [j(e, p) for j in model["judges"]], [us[i] for i in rows]

    def train(self, corpus: list[Utterance], native: list[Utterance], synthetic: list[Utterance], held_out: list[Utterance],
              choice: list[Utterance]) -> None:
        """choice: synthetic mistakes by other voices, reported on with the held-out speakers."""
        cfg = self.cfg
        torch.manual_seed(cfg.seed)
        groups = [{"params": [p for p in self.model[k].parameters() if p.requires_grad], "lr": rate}
                  for k, rate in zip(("encoder", "recogniser", "judges"), cfg.joint_rates)]
        trained = [p for g in groups for p in g["params"]]
        averaged = [m for m, p in zip(self.mean.parameters(), self.model.parameters()) if p.requires_grad]
        sets = {"corpus": corpus, "native": native, "synthetic": synthetic}
        self.seconds = {u.path: u.seconds or soundfile.info(u.path).duration for us in sets.values() for u in us}
        plans = [self._plan(epoch, sets) for epoch in range(cfg.joint_epochs)]
        opt = torch.optim.AdamW(groups, weight_decay=0.02)
        start = self._resume(opt)
        done, steps = sum(len(p) for p in plans[:start]), sum(map(len, plans))
        for epoch in range(start, cfg.joint_epochs):
            augment, rng = Augment(cfg.seed * 1000 + epoch), random.Random(cfg.seed * 1000 + epoch)
            torch.manual_seed(cfg.seed * 1000 + epoch)
            self.model.train()
            total = {k: [] for k in sets}
            began = time.monotonic()
            for step, (kind, group) in enumerate(plans[epoch], 1):
                for g, rate in zip(opt.param_groups, cfg.joint_rates):
                    g["lr"] = rate * schedule(done / steps)
                us = [sets[kind][i] for i in group]
                if kind == "corpus":
                    us = [sometimes_misread(u, rng, cfg.joint_misread) for u in us]
                logp, frames, count = self.hear(self.model, us, augment, 0.15 if kind == "corpus" else 0.6)
                ctc = ctc_loss(logp, count, [u.said() for u in us])
                raws, us = self.judged(self.model, us, logp, frames, count)
                scores = sum(judging.loss_of(r, us, phone_weight=2.0) for r in raws) / len(raws)
                loss = cfg.joint_ctc * ctc + scores
                opt.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(trained, 1.0)
                opt.step()
                done += 1
                with torch.no_grad():
                    torch._foreach_lerp_(averaged, trained, 1 - min(cfg.joint_average, done / (done + 10)))
                total[kind].append((ctc.item(), scores.item()))
                if step % 20 == 0:
                    each = "  ".join(f"{k} {np.mean(v, 0).round(3)}" for k, v in total.items() if v)
                    print(f"joint, epoch {epoch + 1} of {cfg.joint_epochs}: {step} of {len(plans[epoch])} steps, "
                          f"{(time.monotonic() - began) / step:.2f} s each, CTC and scores: {each}", flush=True)
            with torch.no_grad():
                for k, m in zip(self.kept.parameters(), self.mean.parameters()):
                    k.lerp_(m, 1 / (epoch + 1))
            self._save(epoch + 1, opt)
            print(f"epoch {epoch + 1}: {self.report(self.kept, held_out, choice)}", flush=True)

    def _plan(self, epoch: int, sets: dict[str, list[Utterance]]) -> list[tuple[str, list[int]]]:
        """An epoch's batches: all of the corpus, the synthetic speech so many times, and a share of the native audio
        that moves on from epoch to epoch."""
        cfg, rng = self.cfg, random.Random(self.cfg.seed * 1000 + epoch)

        def grouped(us: list[Utterance], rng: random.Random) -> list[list[int]]:
            return list(batches([self.seconds[u.path] for u in us], cfg.joint_seconds, rng)) if us else []

        plan = [("corpus", g) for g in grouped(sets["corpus"], rng)]
        groups = grouped(sets["native"], random.Random(cfg.seed))
        want = min(len(groups), round(cfg.joint_native * len(plan)))
        plan += [("native", groups[(epoch * want + i) % len(groups)]) for i in range(want)]
        plan += [("synthetic", g) for _ in range(cfg.joint_synthetic) for g in grouped(sets["synthetic"], rng)]
        rng.shuffle(plan)
        return plan

    @torch.no_grad()
    def report(self, model: nn.ModuleDict, held_out: list[Utterance], choice: list[Utterance]) -> str:
        """Phone error rate and correlations on held-out speakers (if there are any), by the mean of the judges and by each
        alone; how well wrong sounds are told from right ones in other voices."""
        model.eval()
        logps, raws, each = [], [], []
        for i in range(0, len(held_out), 8):
            part = held_out[i : i + 8]
            logp, frames, count = self.hear(model, part, None)
            answers, _ = self.judged(model, part, logp, frames, count)
            mean = judging.average(answers)
            for k, n in enumerate(count.tolist()):
                logps.append(logp[k, :n].numpy())
                raws.append(Raw(*(x[k] for x in mean)))
                each.append([Raw(*(x[k] for x in a)) for a in answers])
        want = judging.truth(held_out) if held_out else None

        def correlations(raws: list[Raw]) -> str:
            got = judging.flatten(raws, held_out)
            r = {"phone": pearson(got.phone, want.phone), "word": pearson(got.word, want.word)}
            r |= {a: pearson(got.sentence[:, i], want.sentence[:, i]) for i, a in enumerate(("accuracy", "fluency", "prosody"))}
            f1, p = best_f1(want.phone < 0.5, -got.phone)
            return " ".join(f"{k} {v:.3f}" for k, v in r.items()) + f" F1 {f1:.3f} P@.5 {p:.3f}"

        lines = []
        if held_out:
            lines = [f"PER {phone_error_rate(logps, held_out):.4f} {correlations(raws)}"]
            lines += [f"  judge {k + 1}: {correlations([x[k] for x in each])}" for k in range(len(model["judges"]))]
        found: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
        for i in range(0, len(choice), 16):
            logp, frames, count = self.hear(model, choice[i : i + 16], None)
            answers, us = self.judged(model, choice[i : i + 16], logp, frames, count)
            mean = judging.average(answers)
            for k, u in enumerate(us):
                for j, w in enumerate(judging.wrong(u)):
                    found[w == 1].append((mean.phone[k, j].item(), mean.wrong[k, j].item()))
        if found[True]:
            bad, good = np.array(found[True]), np.array(found[False])
            low, sure = np.quantile(good[:, 0], 0.01), np.quantile(good[:, 1], 0.99)
            lines.append(f"  other voices: wrong sounds below 1.5 {np.mean(bad[:, 0] < 1.5):.3f} (right {np.mean(good[:, 0] < 1.5):.3f}); "
                         f"at 1 % of right ones: by score {np.mean(bad[:, 0] < low):.3f}, by odds {np.mean(bad[:, 1] > sure):.3f}")
        return "\n".join(lines)

    def _save(self, epoch: int, opt) -> None:
        partial = self.checkpoint.with_suffix(".partial")
        torch.save({"epoch": epoch, "model": self.model.state_dict(), "mean": self.mean.state_dict(), "kept": self.kept.state_dict(),
                    "optimiser": opt.state_dict()}, partial)
        partial.rename(self.checkpoint)

    def _resume(self, opt) -> int:
        if not self.checkpoint.exists():
            return 0
        c = torch.load(self.checkpoint, weights_only=True)
        self.model.load_state_dict(c["model"])
        self.mean.load_state_dict(c["mean"])
        self.kept.load_state_dict(c["kept"])
        opt.load_state_dict(c["optimiser"])
        return c["epoch"]


def misread(u: Utterance, rng: random.Random) -> tuple[Utterance, int] | None:
    """u with another sentence than the one that was read, and the phone that shows it: one well-said phone is expected to
    be a confusable one, or isn't expected, or one more is expected after it. The recording is then wrong by construction;
    nothing is known of its sentence. None if there is no such phone."""
    change = rng.choices((_replaced, _removed, _inserted), (0.5, 0.3, 0.2))[0]
    if (found := change(u, rng)) is None:
        return None
    v, j, worth = found
    phone_scores, word_scores = v.phone_scores.copy(), u.word_scores.copy()
    phone_scores[j] = worth
    word_scores[v.words[j]] = min(word_scores[v.words[j]], WORD_SCORE)
    return replace(v, phone_scores=phone_scores, word_scores=word_scores, scores=None, spoken=u.said()), j


def sometimes_misread(u: Utterance, rng: random.Random, share: float) -> Utterance:
    found = misread(u, rng) if rng.random() < share else None
    return found[0] if found else u


def _replaced(u: Utterance, rng: random.Random) -> tuple[Utterance, int, float] | None:
    found = heard.substituted(u, rng)
    return found and (found[0], found[1], PHONE_SCORE["substituted"])


def _removed(u: Utterance, rng: random.Random) -> tuple[Utterance, int, float] | None:
    found = added.lacking(u, rng)
    return found and (*found, PHONE_SCORE["added"])


def _inserted(u: Utterance, rng: random.Random) -> tuple[Utterance, int, float] | None:
    right = [j for j in range(len(u.phones)) if u.phone_scores[j] >= 1.9]
    if not right:
        return None
    j = rng.choice(right) + 1
    extra = rng.choice([c for c in heard.confusable() if c not in u.phones[max(j - 1, 0) : j + 1]])
    return replace(u, phones=np.insert(u.phones, j, extra), stress=np.insert(u.stress, j, 0),
                   words=np.insert(u.words, j, u.words[j - 1]), phone_scores=np.insert(u.phone_scores, j, 2.0)), j, PHONE_SCORE["dropped"]

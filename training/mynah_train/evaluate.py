"""Figures of the shipped graphs on one split of the corpus, through ONNX Runtime."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
from tqdm import tqdm

from . import calibration, export, judging, metrics, speech
from .align import viterbi
from .calibration import LEVEL, Scale, classify
from .data import ASPECTS, Utterance, read_audio
from .judging import Scores, truth, word_starts

COLUMNS = (*ASPECTS, "word", "stress", "phone")
# How far each level's scores are moved towards the experts' class shares; see calibration.fit.
STRENGTH = {"accuracy": 0.5, "fluency": 0.5, "prosody": 0.5, "word": 0.9, "stress": 0.75, "phone": 1.0}
# And how many more are below Good than experts say: they forgive sounds that other voices show to be wrong.
STRICT = {"phone": 1.3}


def column(s: Scores, name: str) -> np.ndarray:
    return s.sentence[:, ASPECTS.index(name)] if name in ASPECTS else getattr(s, name)


def correlations(got: Scores, want: Scores) -> str:
    return "  ".join(f"{k} {metrics.pearson(column(got, k), column(want, k)):.3f}" for k in COLUMNS)


def fit_scales(got: Scores, want: Scores) -> dict[str, Scale]:
    return {k: calibration.fit(column(got, k), column(want, k), LEVEL[k], STRENGTH[k], STRICT.get(k, 1.0)) for k in COLUMNS}


def run(asked: list[tuple[Path, list[Utterance]]], cache: Path, split: str) -> dict:
    """Each model's answers (resumable: they are kept in `cache`) about its utterances, and the report on all of them."""
    cache.mkdir(parents=True, exist_ok=True)
    rows, refused, us = [], [], [u for _, some in asked for u in some]
    for model, some in asked:
        acoustic, judge = export.session(model / "acoustic.onnx", 2), export.session(model / "judge.onnx", 2)
        stamp = json.loads((model / "manifest.json").read_text(encoding="utf-8"))
        tag = stamp["files"]["acoustic"]["sha256"][:8] + stamp["files"]["judge"]["sha256"][:8]
        for u in tqdm(some, desc=f"evaluate {split}", mininterval=10):
            kept = cache / f"{tag}-{u.id}.pkl"
            if not kept.exists():
                logp, frames = export.listen(acoustic, read_audio(u.path))
                first, last, _ = viterbi(logp, u.phones)
                out = export.judge(judge, logp, frames, u.phones, u.stress, u.words, first, last)
                out["decoded"] = speech.decoded(logp)
                kept.write_bytes(pickle.dumps(out))
            rows.append(pickle.loads(kept.read_bytes()))
            refused.append(speech.refused([rows[-1]["decoded"]], stamp["refusal"]["min_phones"], stamp["refusal"]["min_posterior"]))
    report = {"split": split, "version": stamp["version"], "utterances": len(us)} | figures(us, rows)
    report["refused as no speech"] = round(float(np.mean(refused)), 4)
    (cache / "report.json").write_text(json.dumps(report, indent=2), encoding="utf-8")
    print(table(report))
    return report


def scores_of(rows: list[dict]) -> Scores:
    """Of the judge graph's outputs, one an utterance."""
    return Scores(*(np.concatenate([r[k] for r in rows]) for k in ("phone_score", "word_score", "stress_score")),
                  np.stack([r["sentence_score"] for r in rows]))


def figures(us: list[Utterance], rows: list[dict]) -> dict:
    """All measures of every column, with speaker-resampled intervals of the correlations and the labels' kappa."""
    want = truth(us)
    got = scores_of(rows)
    owner = {"phone": np.concatenate([[i] * len(u.phones) for i, u in enumerate(us)]),
             "word": np.concatenate([[i] * len(word_starts(u)) for i, u in enumerate(us)]),
             "sentence": np.arange(len(us))}
    owner["stress"] = owner["word"]
    speakers = np.array([u.speaker for u in us])
    out: dict = {"columns": {}, "groups": {}}
    for k in COLUMNS:
        level = LEVEL[k]
        a, b = column(got, k), column(want, k)
        whose = owner["sentence" if k in ASPECTS else k]
        p = (np.stack([r["sentence_probs"] for r in rows])[:, ASPECTS.index(k)] if k in ASPECTS
             else np.concatenate([r[f"{k}_probs"] for r in rows]))
        out["columns"][k] = measures(a, b, p, level, speakers[whose])
        for name, keep in groups(us).items():
            inside = keep[whose]
            if inside.sum() > 1:
                out["groups"].setdefault(name, {})[k] = round(metrics.pearson(a[inside], b[inside]), 3)
    f1, precision = metrics.best_f1(want.phone < 0.5, -got.phone)
    out["mispronounced phones"] = {"best F1": round(f1, 3), "precision at recall .5": round(precision, 3)}
    flagged = classify(got.phone, "phone") < 2
    out["mispronounced phones"]["flagged (below Average), of experts' below Average: precision, recall, F1"] = [
        round(x, 3) for x in metrics.precision_recall_f1(want.phone < 1.0, flagged)]
    f1, precision = metrics.best_f1(want.word < 6.5, -got.word)
    out["words below Good"] = {"best F1": round(f1, 3), "precision at recall .5": round(precision, 3)}
    out["words below Good"]["flagged: precision, recall, F1"] = [
        round(x, 3) for x in metrics.precision_recall_f1(want.word < 6.5, classify(got.word, "word") < 3)]
    return out


def wrong_sounds(found: list[tuple[np.ndarray, Utterance, int | None]]) -> dict[str, float]:
    """Shares of the phones of recordings with known mistakes that are labelled Average or worse: of those replaced or
    dropped, of those beside an added sound, and of right ones. Of each the phones' scores, and the one phone that counts
    (None: all do)."""
    if not found:
        return {}

    def those(f: Callable[[Utterance], np.ndarray]) -> np.ndarray:
        return np.concatenate([f(u) == 1 if j is None else f(u)[[j]] == 1 for _, u, j in found])

    bad, beside = those(judging.wrong), those(judging.added)
    low = classify(np.concatenate([s if j is None else s[[j]] for s, _, j in found]), "phone") <= 2
    shares = {"found": low[bad & ~beside], "added found": low[beside], "flagged": low[~bad]}
    return {k: round(float(v.mean()), 4) for k, v in shares.items() if len(v)}


def groups(us: list[Utterance]) -> dict[str, np.ndarray]:
    age, gender = np.array([u.age for u in us]), np.array([u.gender for u in us])
    return {"children (under 16)": age < 16, "adults": age >= 16, "female": gender == "f", "male": gender == "m"}


def measures(got: np.ndarray, want: np.ndarray, p: np.ndarray, level: str, speakers: np.ndarray) -> dict:
    label, want_label = classify(got, level), classify(want, level)

    def with_interval(f: Callable[[np.ndarray], float]) -> list[float]:
        everything = np.arange(len(got))
        return [round(v, 3) for v in (f(everything), *metrics.interval(speakers, f, 300))]

    return {
        "pcc": with_interval(lambda i: metrics.pearson(got[i], want[i])),
        "qwk": with_interval(lambda i: metrics.quadratic_kappa(want_label[i], label[i])),
        "mcc": with_interval(lambda i: metrics.matthews(want_label[i], label[i])),
        "rmse": with_interval(lambda i: metrics.rmse(got[i], want[i])),
        "ece": round(metrics.calibration_error(p, want_label, label), 4),
        "labels": np.bincount(label, minlength=5).tolist(),
        "experts": np.bincount(want_label, minlength=5).tolist(),
    }


def table(report: dict) -> str:
    """The report as Markdown."""
    lines = ["| | PCC | QWK | MCC | RMSE | ECE | labels, % (Worst to Excellent) | experts, % |", "|---|---|---|---|---|---|---|---|"]
    for k, m in report["columns"].items():
        cells = [f"{m[x][0]:.3f} ({m[x][1]:.3f} to {m[x][2]:.3f})" for x in ("pcc", "qwk", "mcc", "rmse")]
        shares = ["/".join(f"{100 * n / sum(m[x]):.0f}" for n in m[x]) for x in ("labels", "experts")]
        lines.append(f"| {k} | " + " | ".join([*cells, f"{m['ece']:.3f}", *shares]) + " |")
    lines += ["", "| PCC by group | " + " | ".join(COLUMNS) + " |", "|---|" + "---|" * len(COLUMNS)]
    for name, row in report["groups"].items():
        lines.append(f"| {name} | " + " | ".join(f"{row[k]:.3f}" if k in row else "" for k in COLUMNS) + " |")
    for k in ("mispronounced phones", "words below Good", "refused as no speech"):
        lines.append(f"{k}: {report[k]}")
    return "\n".join(lines)

"""manifest.json: what the scorer in Go is told about the model. Its contract is scorer/manifest.go."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from .calibration import EDGES, LABELS
from .config import Config
from .encoder import WIDTH
from .phonemes import INVENTORY

FORMAT = 1
FILES = {"acoustic": "acoustic.onnx", "judge": "judge.onnx", "g2p": "g2p.onnx"}
UNSTRESSED = {"AH": "ə", "ER": "ɚ"}  # IPA of the unstressed vowel, where it has a letter of its own


@dataclass(frozen=True)
class Refusal:
    """Thresholds below which nothing is scored; see scorer.Refusal. The weights are those that the scorer fitted for
    the first model: it fits them itself (README), since its alignment knows of words left out and put in."""

    match: float = 7.288
    error_rate: float = -7.024
    margin: float = 0.72
    said: float = 3.402
    covered: float = 12.722
    bias: float = -10.615
    min_phones: int = 2
    min_posterior: float = 0.3
    skip_word: float = -5.0


def _file(path: Path) -> dict:
    data = path.read_bytes()
    return {"name": path.name, "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}


def write(out: Path, version: str, cfg: Config, refusal: Refusal, heard_min_probability: float,
          fitted_in: Path | None = None) -> None:
    """Describes the graphs in `out`, and the rubric and thresholds that belong to them.

    What the scorer fitted (see README) is taken from the manifest `fitted_in`, if it is there.
    """
    fitted = {}
    if fitted_in and fitted_in.exists():
        before = json.loads(fitted_in.read_text(encoding="utf-8"))
        fitted = {k: v for k, v in before["refusal"].items() if k not in ("min_phones", "min_posterior")}
    manifest = {
        "format": FORMAT,
        "name": "mynah-scorer",
        "version": version,
        "licence": "CC-BY-4.0 AND MIT",
        "files": {k: _file(out / name) for k, name in FILES.items() if (out / name).exists()},
        "sample_rate": 16000,
        "frame_seconds": 0.02,
        "hidden_size": WIDTH * len(cfg.taps),
        "min_seconds": 0.25,
        "max_seconds": cfg.max_seconds,
        "phonemes": [
            {"arpabet": p, "ipa": ipa, **({"ipa_unstressed": UNSTRESSED[p]} if p in UNSTRESSED else {}), "vowel": vowel}
            for p, (ipa, vowel) in INVENTORY.items()
        ],
        "rubric": {
            level: [{"label": name, "from": start} for name, start in zip(LABELS, (0.0, *edges))]
            for level, edges in EDGES.items()
        },
        "refusal": asdict(refusal) | fitted,
        "heard": {"max_label": "Average", "min_probability": round(heard_min_probability, 3)},
    }
    _write(out, manifest)


def refresh(out: Path) -> None:
    """Rewrites the files' hashes and sizes, and nothing else."""
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    manifest["files"] = {k: _file(out / name) for k, name in FILES.items() if (out / name).exists()}
    _write(out, manifest)


def _write(out: Path, manifest: dict) -> None:
    (out / "manifest.json").write_text(json.dumps(manifest, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")

"""Command line; see the package's description."""

from __future__ import annotations

import argparse
import pathlib

import torch

from . import data
from .evaluate import guess
from .export import check, evaluate_file, export
from .model import G2P
from .train import Config, train

ROOT = pathlib.Path(__file__).resolve().parents[2]


def main() -> None:
    parser = argparse.ArgumentParser(prog="mynah_g2p")
    parser.add_argument("stage", choices=["all", "pack", "train", "export", "evaluate", "say"])
    parser.add_argument("words", nargs="*", help="for say: what the network makes of these")
    parser.add_argument("--work", type=pathlib.Path, default=ROOT / "build" / "g2p", help="checkpoints")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "scorer", help="folder of the Go package")
    parser.add_argument("--epochs", type=int, default=Config.epochs)
    args = parser.parse_args()

    checkpoint, file = args.work / "g2p.pt", args.out / "model" / "g2p.onnx"
    stages = ["pack", "train", "export", "evaluate"] if args.stage == "all" else [args.stage]
    entries = data.read()
    for stage in stages:
        if stage == "pack":
            path = args.out / "lexicon" / "cmudict.txt.gz"
            data.pack(entries, path)
            print(f"packed {len(entries)} words into {path.name}, {path.stat().st_size} bytes")
        elif stage == "train":
            train(entries, checkpoint, Config(epochs=args.epochs))
        elif stage == "evaluate":
            held_out = [w for w in entries if data.part(w) == "test"]
            print(f"held-out test: {evaluate_file(file, entries, held_out)}")
        else:
            model = G2P()
            model.load_state_dict(torch.load(checkpoint, weights_only=True))
            if stage == "export":
                export(model, file)
                print(f"exported {file.name}, {file.stat().st_size} bytes, differs by at most {check(model, file):.1e}")
            else:
                for word, phones in guess(model.eval(), args.words).items():
                    print(word, *phones)


if __name__ == "__main__":
    main()

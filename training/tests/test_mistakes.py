"""Mistakes made on purpose: where they may be, what is then said, and what it is worth."""

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mynah_train import added, heard, joint, judging, kokoro, mistakes, pairs, synthetic
from mynah_train.config import Config
from mynah_train.data import Utterance, dictionary
from mynah_train.judging import wrong
from mynah_train.mistakes import HIGH, LOW, MID, Mistake, contrasts
from mynah_train.phonemes import PHONEMES, split


def said(sentence: str) -> tuple[list[str], list[list[str]]]:
    words = sentence.split()
    return words, [dictionary()[w][0] for w in words]


def substitutes() -> dict[str, list[str]]:
    out: dict[str, list[str]] = {}
    for a, b in contrasts(HIGH, MID, LOW):
        out.setdefault(a, []).append(b)
    return out


def test_every_contrast_is_of_two_known_sounds_and_both_ways():
    found = contrasts(HIGH, MID, LOW)
    assert all(a in PHONEMES and b in PHONEMES and a != b for a, b in found)
    assert len(set(found)) == len(found) and all((b, a) in found for a, b in found)


def test_only_what_no_dictionary_allows_is_a_mistake():
    words, phones = said("bread and water")
    found = mistakes.possible(words, phones, substitutes())
    assert all(m.word != 1 for m in found)  # "and" is said in many ways
    assert ("T", ("D",)) not in [(phones[m.word][m.at], m.said) for m in found if m.word == 2]  # Americans say both alike
    assert Mistake("substituted", 0, 1, ("L",)) in found
    assert Mistake("added", 0, 0, ("B", "AH0")) in found
    words, phones = said("near the either")
    found = mistakes.possible(words, phones, substitutes())
    assert Mistake("dropped", 0, 2, ()) not in found
    assert all(tuple(p.rstrip("012") for p in mistakes.said(phones, [m])[2]) != ("AY", "DH", "ER") for m in found)


def test_what_is_said_with_mistakes():
    phones = [["S", "T", "AA1", "P"], ["IH1", "T"]]
    made = [Mistake("added", 0, 0, ("EH0", "S")), Mistake("dropped", 0, 3, ()), Mistake("substituted", 1, 1, ("D",))]
    assert mistakes.said(phones, made) == [["EH0", "S", "T", "AA1"], ["IH1", "D"]]
    assert kokoro.symbols(["stop", "it"], phones) == "stˈɑp ɪt."


def test_training_and_evaluation_share_no_voice():
    assert not set(kokoro.HELD_OUT) & set(kokoro.CHOICE)


@pytest.fixture
def utterance() -> Utterance:
    words, phones = said("six sheep left the big farm early")
    codes = [(*split(p), w) for w, ps in enumerate(phones) for p in ps]
    phone, stress, word = (np.array(x) for x in zip(*codes))
    return Utterance("u", Path("u.wav"), "six sheep left the big farm early", "s", phone, stress, word,
                     phone_scores=np.full(len(phone), 2.0, np.float32), word_scores=np.full(7, 10.0, np.float32),
                     stress_scores=np.full(7, 10.0, np.float32), scores=np.full(3, 9.0, np.float32))


def test_a_plan_repeats_and_its_recordings_are_scored_where_they_are_wrong(utterance):
    plan = synthetic.plan([utterance], ["af_sky"], 30, 1)
    assert plan == synthetic.plan([utterance], ["af_sky"], 30, 1)
    assert {m["kind"] for item in plan for m in item["mistakes"]} == set(mistakes.KINDS)
    for item in plan:
        u, made = synthetic.utterance(item, Path("x.flac")), synthetic.mistakes(item)
        assert wrong(u).sum() == len(made) and (u.word_scores < 10).sum() == len({m.word for m in made})
        assert (len(u.said()) - len(u.phones) == sum(len(m.said) - 1 for m in made)) and u.scores is None
        if made:
            assert u.said().tolist() != u.phones.tolist()


def test_a_misread_recording_is_wrong_in_one_place_and_says_what_it_said(utterance):
    for seed in range(20):
        u, _ = joint.misread(utterance, random.Random(seed))
        assert wrong(u).sum() == 1 and (u.word_scores < 10).sum() == 1 and u.scores is None
        assert u.said().tolist() == utterance.phones.tolist() != u.phones.tolist()
        assert (u.added is not None) == (len(u.phones) < len(utterance.phones)) and (u.added is None or u.added.sum() == 1)
        assert len(u.phones) == len(u.words) == len(u.stress) == len(u.phone_scores)
    bad = replace(utterance, phone_scores=np.full(len(utterance.phones), 1.0, np.float32))
    assert all(joint.misread(bad, random.Random(s)) is None for s in range(5))
    assert joint.sometimes_misread(bad, random.Random(0), 1.0) is bad


def test_what_is_not_expected_is_a_vowel_between_consonants_and_has_one_neighbour_to_blame(utterance):
    seen = set()
    for seed in range(60):
        u, at, vowel = heard.removed(utterance, random.Random(seed))
        gone = int(np.flatnonzero(np.append(u.phones, 0) != utterance.phones)[0])
        assert utterance.phones[gone] == vowel and np.delete(utterance.phones, gone).tolist() == u.phones.tolist()
        assert heard.is_vowel(vowel) and not heard.is_vowel(u.phones[at]) and u.words[at] == utterance.words[gone]
        assert at == (gone - 1 if gone and utterance.words[gone - 1] == utterance.words[gone] else gone)
        assert len(u.phones) == len(u.words) == len(u.stress) == len(u.phone_scores)
        seen.add(gone)
    assert len(seen) > 4


def test_a_vowel_that_nobody_expected_is_learnt(utterance):
    """Of a clear recording: told from nothing more than what was heard between the phones."""
    n = len(utterance.phones)
    logp = np.full((4 * n + 4, 40), -9.0, np.float32)
    logp[:, 0] = -0.1
    for j, c in enumerate(utterance.phones):
        logp[4 * j + 2, [0, c]] = -5.0, -0.1
    frames = np.zeros((len(logp), 1536), np.float32)
    x = judging.example(utterance, logp, frames)
    taught = added.lessons(x, logp, frames, random.Random(0), 60)
    assert len(taught) == 61 and all(x.evidence.pooled.shape[1] == 1 for x in taught)
    m = added.train(taught, replace(Config(), added_epochs=60), 1)
    for x in added.lessons(x, logp, frames, random.Random(99), 10):
        with torch.no_grad():
            odds = m(*judging.collate([x]))[0].numpy()
        at = np.flatnonzero(x.utterance.added) if x.utterance.added is not None else []
        assert (odds[at] > 0).all() and (np.delete(odds, at) < 0).all()


def test_pairs_cover_every_contrast_above_low():
    found = pairs.pairs()
    assert found == pairs.pairs() and sum(p.mistake.kind == "substituted" for p in found) >= 300
    seen = {(mistakes.plain(p.phones[p.mistake.word][p.mistake.at]), mistakes.plain(p.mistake.said[0]))
            for p in found if p.mistake.kind == "substituted"}
    assert seen == set(contrasts(HIGH, MID))
    assert len({p.name for p in found}) == len(found)

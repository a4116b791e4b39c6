"""The parts of mynah_g2p that a wrong figure could hide in."""

import gzip

import pytest
import torch

from mynah_g2p import data
from mynah_g2p.evaluate import edit_distance, rates_of
from mynah_g2p.model import G2P, UPSAMPLE, greedy


@pytest.fixture(scope="module")
def entries():
    return data.read()


def test_inflections_are_in_one_part(entries):
    for family in (
        ["walk", "walks", "walked", "walking", "walker", "walkers", "walk's"],
        ["stop", "stops", "stopped", "stopping"],
        ["hope", "hopes", "hoped", "hoping"],
    ):
        assert len({data.part(w) for w in family}) == 1, family
    share = sum(data.part(w) == "test" for w in entries) / len(entries)
    assert 0.04 < share < 0.06


def test_no_spelling_variants_of_words(entries):
    assert entries["us"] == [["AH1", "S"]]
    assert entries["usa"][0] == ["Y", "UW2", "EH2", "S", "EY1"]


def test_every_example_can_be_aligned(entries):
    for e in data.examples(entries, UPSAMPLE):
        repeats = sum(a == b for a, b in zip(e.phones, e.phones[1:]))
        assert len(e.phones) + repeats <= UPSAMPLE * len(e.letters)


def test_packed_dictionary_reads_back(entries, tmp_path):
    path = tmp_path / "packed.gz"
    data.pack(entries, path)
    first = path.read_bytes()
    data.pack(entries, path)
    assert first == path.read_bytes()
    header, *lines = gzip.decompress(first).decode().splitlines()
    symbols = header.split()
    words = [line.split("\t")[0] for line in lines]
    assert words == sorted(entries)
    for line in lines[:: len(lines) // 500]:
        word, *prons = line.split("\t")
        assert [[symbols[ord(c) - 0x30] for c in p] for p in prons] == entries[word]


def test_greedy_merges_repeats_between_blanks():
    path = [0, 2, 2, 0, 2, 1, 1, 3, 0]
    logp = torch.full((1, len(path), 4), -9.0)
    for i, c in enumerate(path):
        logp[0, i, c] = -0.1
    assert greedy(logp) == [[2, 2, 1, 3]]


def test_rates_take_the_nearest_variant():
    assert edit_distance(list("kitten"), list("sitting")) == 3
    entries = {"a": [["AH0"], ["EY1"]], "to": [["T", "UW1"]]}
    rates = rates_of({"a": ["EY1"], "to": ["T", "UW0", "S"]}, entries)
    assert (rates.per, rates.wer) == (2 / 3, 1 / 2)
    assert (rates.plain_per, rates.plain_wer) == (1 / 3, 1 / 2)


def test_two_frames_for_each_letter():
    logp = G2P().eval()(torch.ones(3, 5, dtype=torch.long))
    assert logp.shape == (3, 2 * 5, 1 + len(data.SYMBOLS))
    assert torch.allclose(logp.exp().sum(-1), torch.ones(3, 10), atol=1e-5)

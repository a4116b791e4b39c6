"""The rationale decoder's loss, against values worked out by hand and its limits, and its grammar."""

import json
import math
import random

import pytest
import torch

from mynah_rationale import grammar
from mynah_rationale.loss import IGNORED, answer_log_probs, bounded_dpo, preference_loss


def one(x: float, grad: bool = False) -> torch.Tensor:
    return torch.tensor([x], dtype=torch.float64, requires_grad=grad)


def test_loss_by_hand():
    # r_chosen = -1 - -1.5 = .5; r_rejected = -2 - -1 = -1.
    # bounded = log(.5 e^-1 + .5) = log(.68394) = -.379885; .1 (.5 + .379885) = .0879885
    # -log sigmoid(.0879885) = log(1 + e^-.0879885) = .650121
    loss = bounded_dpo(one(-1), one(-2), one(-1.5), one(-1), beta=0.1, alpha=0.5)
    assert loss.item() == pytest.approx(0.650121, abs=1e-6)
    # and with the supervised part: 1 x 1
    assert preference_loss(one(-1), one(-2), one(-1.5), one(-1), beta=0.1, alpha=0.5, sft_weight=1.0).item() == pytest.approx(1.650121, abs=1e-6)
    # alpha .25, beta 1, r_chosen 0, r_rejected log 2: bounded = log(.75 x 2 + .25) = log 1.75; loss = log(1 + 1.75) = 1.011601
    assert bounded_dpo(one(0), one(math.log(2)), one(0), one(0), beta=1.0, alpha=0.25).item() == pytest.approx(math.log(2.75), abs=1e-9)


def test_without_a_bound_it_is_dpo():
    for c, r in ((0.3, -0.7), (-2.0, 1.5), (0.0, 0.0)):
        dpo = -math.log(1 / (1 + math.exp(-0.1 * (c - r))))
        assert bounded_dpo(one(c), one(r), one(0), one(0), beta=0.1, alpha=0.0).item() == pytest.approx(dpo, abs=1e-12)
        assert bounded_dpo(one(c), one(r), one(0), one(0), beta=0.1, alpha=1e-9).item() == pytest.approx(dpo, abs=1e-7)


def test_with_the_whole_bound_the_rejected_answer_has_no_pull():
    rejected = one(-0.5, grad=True)
    chosen = one(0.2, grad=True)
    bounded_dpo(chosen, rejected, one(0), one(0), beta=0.1, alpha=1.0).backward()
    assert rejected.grad is None or rejected.grad.item() == 0
    assert chosen.grad.item() < 0
    values = {bounded_dpo(one(0.2), one(r), one(0), one(0), beta=0.1, alpha=1.0).item() for r in (-50.0, 0.0, 3.0)}
    assert len(values) == 1
    near = one(-0.5, grad=True)
    bounded_dpo(one(0.2), near, one(0), one(0), beta=0.1, alpha=1 - 1e-9).backward()
    assert abs(near.grad.item()) < 1e-9


def test_gradient_vanishes_as_the_rejected_answer_becomes_unlikely():
    pulls = []
    for r in (0.0, -2.0, -5.0, -20.0, -200.0):
        rejected = one(r, grad=True)
        bounded_dpo(one(0), rejected, one(0), one(0), beta=0.1, alpha=0.5).backward()
        pulls.append(rejected.grad.item())
    assert pulls[0] > 0.02
    assert all(a > b >= 0 for a, b in zip(pulls, pulls[1:]))
    assert pulls[-1] < 1e-12
    # DPO's does not: it goes on pushing.
    rejected = one(-20.0, grad=True)
    bounded_dpo(one(0), rejected, one(0), one(0), beta=0.1, alpha=0.0).backward()
    assert rejected.grad.item() > 0.01


def test_extremes_stay_finite():
    for r in (-1e4, 1e4):
        for alpha in (0.0, 1e-12, 0.5, 1.0):
            assert torch.isfinite(bounded_dpo(one(0), one(r), one(0), one(0), beta=0.1, alpha=alpha))
    with pytest.raises(ValueError, match="alpha"):
        bounded_dpo(one(0), one(0), one(0), one(0), beta=0.1, alpha=1.5)


def test_log_probs_are_of_the_answer_alone():
    # Of two tokens, uniform logits give each log .5; the prompt's and the padding don't count.
    logits = torch.zeros(2, 4, 2)
    labels = torch.tensor([[IGNORED, IGNORED, 1, 0], [IGNORED, 1, IGNORED, IGNORED]])
    assert torch.allclose(answer_log_probs(logits, labels), torch.full((2,), math.log(0.5)))
    logits[0, 1, 1] = 2.0  # predicts labels[0, 2]
    want = (2 - math.log(1 + math.exp(2)) + math.log(0.5)) / 2
    assert answer_log_probs(logits, labels)[0].item() == pytest.approx(want, abs=1e-6)
    logits[0, 3] = torch.tensor([100.0, -100.0])  # predicts what comes after the end
    logits[0, 0] = torch.tensor([100.0, -100.0])  # predicts a token of the prompt
    assert answer_log_probs(logits, labels)[0].item() == pytest.approx(want, abs=1e-6)


REQUEST = {
    "claims": [{"id": "c1", "aspect": "accuracy"}, {"id": "c2", "aspect": "accuracy", "heard": "R"}, {"id": "c3"}, {"id": "c4"}],
    "user": json.dumps({"claims": [
        {"id": "c1", "kind": "strength", "label": "Excellent", "sure": True, "says": "I heard the “r” /ɹ/ in “red” clearly."},
        {"id": "c2", "kind": "phone", "label": "Bad", "sure": True, "says": "The main thing: the “l” /l/ in “light” sounded closer to “r” /ɹ/."},
        {"id": "c3", "kind": "cue", "label": None, "sure": True, "says": "Press your tongue tip to the ridge behind your top teeth."},
        {"id": "c4", "kind": "next", "label": None, "sure": True, "says": "Now say “light” three times, slowly."},
    ]}),
}


def test_grammar_takes_over_what_must_stay():
    claims = grammar.claims_of(REQUEST)
    assert (claims[1].sound, claims[1].heard_as) == ("the “l” /l/ in “light”", "“r” /ɹ/")
    rng = random.Random(1)
    seen = set()
    for _ in range(200):
        text = grammar.chosen(claims, rng)
        seen.add(text)
        said = {s["claims"][0]: s["text"] for s in json.loads(text)["segments"]}
        assert list(said) == ["c1", "c2", "c3", "c4"]
        assert "“r” /ɹ/ in “red”" in said["c1"]
        assert "“l” /l/ in “light”" in said["c2"] and said["c2"].rstrip(".").find("“r” /ɹ/") > said["c2"].find("“light”")
    assert len(seen) > 150


def test_rejected_answers_are_of_every_kind():
    claims = grammar.claims_of(REQUEST)
    rng = random.Random(1)
    kinds = {}
    for _ in range(200):
        text, kind = grammar.rejected(claims, rng)
        assert len(json.loads(text)["segments"]) == 4
        kinds[kind] = kinds.get(kind, 0) + 1
    assert set(kinds) == {"turned", "swapped", "another", "unkind", "vague", "overlong", "beyond"}
    assert max(kinds, key=kinds.get) == "turned"


def test_export_puts_the_weights_where_a_server_reads_them(tmp_path):
    gguf = pytest.importorskip("gguf")
    import numpy as np

    from mynah_rationale import decoder

    width, heads, kv = 64, 4, 2
    shapes = {"token_embd.weight": (96, width), "output_norm.weight": (width,)} | {f"blk.0.{n}.weight": s for n, s in {
        "attn_norm": (width,), "ffn_norm": (width,), "attn_q": (width, width), "attn_k": (width // 2, width), "attn_v": (width // 2, width),
        "attn_output": (width, width), "ffn_gate": (128, width), "ffn_up": (128, width), "ffn_down": (width, 128)}.items()}
    source, to = tmp_path / "a.gguf", tmp_path / "b.gguf"
    w = gguf.GGUFWriter(source, "llama")
    w.add_head_count(heads)
    w.add_head_count_kv(kv)
    w.add_token_list(["a", "b"])
    for name, shape in shapes.items():
        w.add_tensor(name, np.zeros(shape, dtype=np.float32))
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()

    rng = np.random.default_rng(1)
    weights = {decoder._named(n): torch.from_numpy(rng.normal(size=s).astype(np.float32)) for n, s in shapes.items()}
    decoder.export(weights, source, to, "test")
    got = gguf.GGUFReader(to)
    assert got.fields["tokenizer.ggml.tokens"].contents() == ["a", "b"]
    for t in got.tensors:
        have = gguf.quants.dequantize(t.data, t.tensor_type).reshape(shapes[t.name])
        want = weights[decoder._named(t.name)].numpy()
        if t.name in ("blk.0.attn_q.weight", "blk.0.attn_k.weight"):
            # The file holds row 2i of a head beside row 2i+1, where transformers has i and i + half.
            n = heads if "attn_q" in t.name else kv
            half = want.shape[0] // n // 2
            for head in range(n):
                block = have[head * 2 * half : (head + 1) * 2 * half]
                back = np.concatenate([block[0::2], block[1::2]])
                assert np.allclose(back, want[head * 2 * half : (head + 1) * 2 * half], atol=0.03)
        else:
            assert np.allclose(have, want, atol=0.03), t.name

"""The rationale decoder's loss, against values worked out by hand and its limits, and its grammar."""

import http.server
import json
import math
import random
import threading

import pytest
import torch

from mynah_rationale import ask, decoder, grammar, train
from mynah_rationale.config import Config
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
    as_they_are = torch.nn.Identity()
    assert torch.allclose(answer_log_probs(logits, labels, as_they_are), torch.full((2,), math.log(0.5)))
    logits[0, 1, 1] = 2.0  # predicts labels[0, 2]
    want = (2 - math.log(1 + math.exp(2)) + math.log(0.5)) / 2
    assert answer_log_probs(logits, labels, as_they_are)[0].item() == pytest.approx(want, abs=1e-6)
    logits[0, 3] = torch.tensor([100.0, -100.0])  # predicts what comes after the end
    logits[0, 0] = torch.tensor([100.0, -100.0])  # predicts a token of the prompt
    assert answer_log_probs(logits, labels, as_they_are)[0].item() == pytest.approx(want, abs=1e-6)
    seen = []
    answer_log_probs(logits, labels, lambda h: seen.append(len(h)) or h)
    assert seen == [3]  # logits of the answers' tokens alone


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
    import gguf
    import numpy as np

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


def small_model(cfg: Config):
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(3)
    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(
        vocab_size=50, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, tie_word_embeddings=True))
    weights = {name: w.clone() for name, w in model.state_dict().items()}
    return model, weights, decoder.adapted(model, cfg)


def items(n: int, rng: random.Random, answers: int = 1) -> list[train.Item]:
    system = torch.tensor([rng.randrange(50) for _ in range(9)])
    out = []
    for _ in range(n):
        said = []
        for _ in range(answers):
            ids = torch.tensor([rng.randrange(50) for _ in range(rng.randrange(6, 14))])
            labels = ids.clone()
            labels[:4] = IGNORED
            said.append((ids, labels))
        out.append(train.Item(system, tuple(said)))
    return out


def test_answers_in_a_batch_are_as_likely_as_alone():
    model, _, _ = small_model(Config(rank=2))
    model.to(torch.float32)
    batch = items(3, random.Random(2), answers=2)
    together = train.log_probs(model, batch)
    assert together.shape == (3, 2)
    for item, row in zip(batch, together, strict=True):
        for (ids, labels), got in zip(item.answers, row, strict=True):
            whole = torch.cat([item.system, ids])[None]
            want = -torch.nn.functional.cross_entropy(model(input_ids=whole).logits[0, len(item.system) + 3 : -1], labels[4:])
            assert got.item() == pytest.approx(want.item(), abs=1e-5)
    other = train.Item(batch[0].system + 1, batch[0].answers)
    with pytest.raises(ValueError, match="begin alike"):
        train.log_probs(model, [batch[0], other])


def test_system_prompt_learns_too():
    # It goes through the model once for a batch; the gradient is as if each had its own.
    model, _, adapters = small_model(Config(rank=2))
    model.to(torch.float32)
    for a in adapters.values():
        torch.nn.init.normal_(a.b, std=0.1)
    a = adapters["model.layers.0.self_attn.k_proj"].a
    batch = items(3, random.Random(2))
    (together,) = torch.autograd.grad(train.log_probs(model, batch).sum(), a)
    alone = sum(torch.autograd.grad(train.log_probs(model, [item]).sum(), a)[0] for item in batch)
    assert torch.allclose(together, alone, atol=1e-5)
    assert together.abs().max() > 1e-4


def test_adapters_change_nothing_at_first_and_merge_into_the_weights():
    model, weights, adapters = small_model(Config(rank=2))
    assert len(adapters) == 2 * 7
    assert {n for n, p in model.named_parameters() if p.requires_grad} == {f"{n}.{p}" for n in adapters for p in ("a", "b")}
    assert all(torch.equal(w, weights[n]) for n, w in decoder.merged(weights, adapters).items())
    one = adapters["model.layers.1.mlp.up_proj"]
    torch.nn.init.normal_(one.b)
    one.linear.weight.data = weights["model.layers.1.mlp.up_proj.weight"]
    x = torch.randn(5, 32)
    merged = decoder.merged(weights, adapters)["model.layers.1.mlp.up_proj.weight"]
    assert torch.allclose(one(x), x @ merged.T, atol=1e-4)


def test_a_stage_that_was_cut_off_goes_on_where_it_stopped(tmp_path):
    cfg = Config(rank=2, batch=2, save_every=2, sft_lr=1e-2)
    data = items(10, random.Random(5))

    def run(work, stop_after: int | None) -> tuple[list[float], dict]:
        work.mkdir(exist_ok=True)
        model, weights, adapters = small_model(cfg)
        if stop_after is not None:
            steps = iter(range(stop_after))

            def log_probs(*args):
                next(steps)  # StopIteration is the power cut
                return real(*args)
            real, train.log_probs = train.log_probs, log_probs
            try:
                with pytest.raises(StopIteration):
                    train.sft(model, adapters, data, cfg, work)
            finally:
                train.log_probs = real
            model, weights, adapters = small_model(cfg)
        losses = train.sft(model, adapters, data, cfg, work)
        return losses, decoder.merged(weights, adapters)

    whole, weights = run(tmp_path / "whole", None)
    cut, again = run(tmp_path / "cut", 3)
    assert len(whole) == len(set(whole)) == 5
    assert cut == whole
    assert all(torch.equal(w, again[n]) for n, w in weights.items())


def test_preference_stage_parts_chosen_from_rejected(tmp_path):
    cfg = Config(rank=4, batch=4, preference_lr=2e-2, beta=1.0, sft_weight=0.0)
    data = 24 * items(1, random.Random(6), answers=2)
    model, _, adapters = small_model(cfg)
    with torch.no_grad():
        before = torch.cat([train.log_probs(model, [i]) for i in data])
    train.prefer(model, adapters, data, cfg, tmp_path)
    with torch.no_grad():
        after = torch.cat([train.log_probs(model, [i]) for i in data])
    assert (after[:, 0] - after[:, 1]).mean() > (before[:, 0] - before[:, 1]).mean() + 0.1


def test_grammar_keeps_what_a_claim_comes_with():
    rng = random.Random(1)

    def texts(claim: dict, n: int = 60) -> set[str]:
        request = {"claims": [claim], "user": json.dumps({"claims": [{"id": "c1", "sure": True, "label": "Bad"} | claim]})}
        return {json.loads(grammar.chosen(grammar.claims_of(request), rng))["segments"][0]["text"] for _ in range(n)}

    met = texts({"id": "c1", "kind": "phone", "aspect": "accuracy", "says": "Back to one that you know: the “v” /v/ in “very” needs some work."})
    assert all(any(lead in t for lead in ("Again, ", "We have met this one before: ", "Back to one that you know: ", "Once more, ")) for t in met)
    small = texts({"id": "c1", "kind": "phone", "aspect": "accuracy", "says": "If you like, one detail: the “th” /θ/ in “thin” wasn't clear yet."})
    assert all(any(lead in t for lead in ("seldom mind: ", "one detail: ", "either way: ")) for t in small)
    unsure = texts({"id": "c1", "kind": "phone", "aspect": "accuracy", "sure": False, "says": "I'm not quite sure, but the “v” /v/ in “very” may not have been clear."})
    assert len(unsure) > 3 and all(any(h in t.lower() for h in ("not sure", "perhaps", "may be wrong")) for t in unsure)
    step = texts({"id": "c1", "kind": "next", "label": None, "says": "Warm up with “very”, and then read the sentence to me once more."})
    assert len(step) > 2 and all("“very”" in t for t in step)
    assert any(t.startswith(("Thanks", "Thank you")) for t in met)


def test_grammar_begins_otherwise_than_last_time():
    claims = grammar.claims_of(REQUEST)
    rng = random.Random(1)
    assert not any(grammar.chosen(claims, rng, "Well done: your").startswith('{"segments": [{"claims": ["c1"], "text": "Well done: your') for _ in range(200))


def test_asks_as_mynah_does_and_goes_on_where_it_stopped(tmp_path, monkeypatch):
    asked = []

    class Server(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append((self.path, body))
            if body["messages"][1]["content"] == "too long":
                self.send_error(400)
                return
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"choices": [{"message": {"content": "said: " + body["messages"][1]["content"]}}]}).encode())

        def log_message(self, *_):
            pass

    requests = [{"id": f"u{k}", "system": "S", "user": user, "schema": {"type": "object"}} for k, user in enumerate(["one", "left out", "too long", "left out", "three"])]
    (tmp_path / "requests").write_text("\n".join(map(json.dumps, requests)))
    (tmp_path / "answers").write_text('{"id": "u0", "answer": "kept"}\n')
    with http.server.HTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr("sys.argv", ["ask", "--url", f"http://127.0.0.1:{server.server_port}/v1/", "--requests", str(tmp_path / "requests"),
                                         "--out", str(tmp_path / "answers"), "--every", "2"])
        ask.main()
        server.shutdown()
    said = [json.loads(line) for line in (tmp_path / "answers").read_text().splitlines()]
    assert [(s["id"], s["answer"]) for s in said] == [("u0", "kept"), ("u2", ""), ("u4", "said: three")]
    path, body = asked[-1]
    assert path == "/v1/chat/completions"
    assert body["messages"][0] == {"role": "system", "content": "S"}
    assert body["response_format"]["json_schema"]["schema"] == {"type": "object"}

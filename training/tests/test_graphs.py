"""The modules that are exported: padding changes nothing, calibration keeps order, the graph equals PyTorch."""

import copy
from collections import namedtuple
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mynah_train import calibration, export, likeness, released, stack, whole
from mynah_train.data import Utterance
from mynah_train.encoder import Encoder, frames_of
from mynah_train.judge import GLOBALS, SCALARS, Evidence, Judge, Phones, Raw, evidence, heard_logits, within
from mynah_train.judging import Answer, Example
from mynah_train.mel import LogMel
from mynah_train.phonemes import CLASSES
from mynah_train.recogniser import Recogniser

HIDDEN = 1536
SEEN = len(stack.DIRECTION["phone"])  # by a phone's trees


def phones(n, start=2, step=3):
    first = torch.arange(n) * step + start
    return Phones(*(x[None] for x in (torch.arange(n) % 39 + 1, torch.zeros(n, dtype=torch.long), torch.arange(n) // 3,
                                      first, first + 1)))


def test_log_mel_agrees_with_the_fourier_transform():
    x = torch.randn(1, 8000)
    spectrum = torch.stft(x[0], 400, 160, window=torch.hann_window(400), return_complex=True)[:, :-1].abs() ** 2
    mel = LogMel()
    log = torch.clamp(mel.filters @ spectrum, min=1e-10).log10()
    want = (torch.maximum(log, log.max() - 8) + 4) / 4
    assert torch.allclose(mel(x)[0], want, atol=1e-3)


def test_padding_changes_nothing():
    torch.manual_seed(0)
    encoder, recogniser, judge = Encoder((3, 5, 6)).eval(), Recogniser(3).eval(), Judge(HIDDEN, 32, 1).eval()
    mel = torch.randn(1, 80, 101)
    padded, length = torch.nn.functional.pad(mel, (0, 40)), torch.tensor([101])
    with torch.no_grad():
        alone, both = encoder(mel), encoder(padded, length)
        t = alone.shape[1]
        assert t == frames_of(101 * 160)
        assert torch.allclose(alone, both[:, :t], atol=1e-4)
        mask = (torch.arange(both.shape[1]) < t)[None].float()
        logp, logp_padded = recogniser(alone).log_softmax(-1), recogniser(both, mask).log_softmax(-1)
        assert torch.allclose(logp, logp_padded[:, :t], atol=1e-4)
        p = phones(9)
        p_padded = Phones(*(torch.nn.functional.pad(x, (0, 4), value=-1 if i == 2 else 0) for i, x in enumerate(p)))
        e = evidence(logp, alone, p, torch.ones(1, t))
        e_padded = evidence(logp_padded, both, p_padded, mask)
        for name, a, b in zip(e._fields, e, e_padded):
            assert torch.allclose(a, b[:, :9] if a.dim() == 3 else b, atol=1e-3), name
        for a, b in zip(judge(e, p), judge(e_padded, p_padded)):
            assert torch.allclose(a, b[:, : a.shape[1]], atol=1e-3)


def test_heard_is_the_phoneme_that_stands_out():
    logp = torch.full((1, 10, CLASSES), -9.0)
    logp[..., 0] = 0.0
    logp[0, 4, 7], logp[0, 4, 0] = -0.01, -5.0
    heard = heard_logits(logp, within(torch.tensor([[2.0, 6.0]]), torch.tensor([[6.0, 10.0]]), 10))
    assert heard[0, 0].argmax() == 7
    assert heard[0, 1].argmax() == 0


def test_calibration_in_the_graph_equals_numpy_and_keeps_order():
    rng = np.random.default_rng(0)
    want = np.clip(np.round(rng.normal(1.8, 0.4, 3000), 1), 0, 2)
    raw = 0.6 * want + 0.7 + rng.normal(0, 0.15, 3000)
    scale = calibration.fit(raw, want, "phone", 1.0)
    x = np.linspace(-1, 4, 400)
    score, p = calibration.Calibrate(scale)(torch.tensor(x, dtype=torch.float32))
    assert np.allclose(score, scale.scores(x), atol=1e-4)
    assert np.allclose(p, scale.probabilities(x), atol=1e-4)
    assert (np.diff(score.numpy()) >= -1e-6).all() and 0 <= score.min() and score.max() <= 2
    assert np.allclose(p.sum(-1), 1, atol=1e-5) and (p.numpy() >= 0).all()
    shares = [np.bincount(calibration.classify(v, "phone"), minlength=5) / 3000 for v in (want, scale.scores(raw))]
    assert np.abs(shares[0] - shares[1]).max() < 0.05


def some_stack(trees=40):
    """Trees whose every split is met by some phone, and something to say of every sentence."""
    m = stack.Stack(trees, 50)
    m.whole.known.normal_()
    m.whole.weight.normal_(std=0.1)
    m.whole.usual.fill_(0.2)
    for name, forest in m.forests.items():
        forest.feature.copy_(torch.randint(len(stack.DIRECTION[name]), forest.feature.shape))
        forest.threshold.normal_()
        forest.leaf.normal_(std=0.05)
        forest.base += 1.5
    return m.eval()


def some_known(n, features=2 * HIDDEN + GLOBALS):
    """Recordings of which the judges leave out three of the things that are known."""
    rng = np.random.default_rng(0)
    evidence = (rng.normal(size=(n, 6)) @ rng.normal(size=(6, features))).astype(np.float32)
    z = evidence[:, :3] / evidence[:, :3].std(0)
    judged = rng.uniform(0.5, 2, size=(n, 3)).astype(np.float32)
    return likeness.Known(evidence, judged, judged + 0.3 * np.tanh(z))


def some_likeness():
    return likeness.fit(some_known(60))


def test_likeness_learns_what_the_judges_miss():
    k = some_known(600, features=200)
    train, rest = (likeness.Known(*(v[s] for v in k)) for s in (slice(400), slice(400, None)))
    m = likeness.fit(train)
    e = torch.from_numpy(rest.evidence)
    raw = some_raw(5)._replace(sentence=torch.from_numpy(rest.judged))
    got = m(raw, SimpleNamespace(utterance=e[:, :100], globals=e[:, 100:]))
    assert ((got.sentence.numpy() - rest.scores) ** 2).mean() < 0.4 * ((rest.judged - rest.scores) ** 2).mean()
    assert all(a is b for a, b, k in zip(got, raw, raw._fields) if k != "sentence")


def test_of_a_recording_like_no_other_the_judges_answer_stays():
    k = some_known(60)
    m = likeness.fit(k)
    far = torch.from_numpy(k.evidence[:1]) * 1000
    raw = some_raw(5)
    got = m(raw, SimpleNamespace(utterance=far[:, : 2 * HIDDEN], globals=far[:, 2 * HIDDEN :]))
    assert torch.equal(got.sentence, raw.sentence)


def test_the_sentence_is_given_what_the_judges_answers_lack():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 8)).astype(np.float32) * 3 + 1
    lacking = np.stack([0.2 * np.minimum(x[:, 0], 0), 0.1 * x[:, 3], 0 * x[:, 0] + 0.3], 1).astype(np.float32)
    m = whole.fit(x[:400], lacking[:400] + rng.normal(scale=0.05, size=(400, 3)).astype(np.float32))
    got = m(torch.from_numpy(x[400:])).numpy()
    assert ((got - lacking[400:]) ** 2).mean() < 0.1 * lacking[400:].var(0).mean()
    furthest = torch.stack([torch.full((8,), v) for v in (1e3, 1e6)])  # so far off, nothing is known of how far
    assert torch.equal(*m(furthest)) and (m(furthest)[0] - m.usual).abs().max() < 0.2


@pytest.fixture(scope="module")
def judge_graph(tmp_path_factory):
    torch.manual_seed(1)
    path = tmp_path_factory.mktemp("graph") / "judge.onnx"
    scales = {k: calibration.Scale.identity(level) for k, level in calibration.LEVEL.items()}
    m = export.Judgement([Judge(HIDDEN, 32, 1), Judge(HIDDEN, 32, 1)], some_likeness(), some_stack(), scales, export.HeardScale(0.8, 2.0, 0.5)).eval()
    export.export_judge(m, HIDDEN, path)
    return m, export.session(path)


@pytest.mark.parametrize("n", [1, 2, 7, 60])
def test_judge_graph_equals_pytorch_for_any_number_of_phones(judge_graph, n):
    m, graph = judge_graph
    t = 3 * n + 5
    logp, frames, p = torch.randn(1, t, CLASSES).log_softmax(-1), torch.randn(1, t, HIDDEN), phones(n)
    got = export.judge(graph, logp[0].numpy(), frames[0].numpy(), *(x[0].numpy() for x in p))
    with torch.no_grad():
        want = m(logp, frames, *p)
    for name, w in zip(export.Judgement.OUTPUTS, want):
        w = w[0].numpy()
        if name.startswith(("word", "stress")):
            w = w[::3]
        assert got[name].shape == w.shape and np.abs(got[name] - w).max() < 5e-3, name


def test_a_released_model_s_weights_come_back(judge_graph, tmp_path):
    m = copy.deepcopy(judge_graph[0])
    with torch.no_grad():  # equal parameters are exported once
        for x in (*m.judges.parameters(), *m.judges.buffers()):
            x += torch.rand_like(x) * 0.1
    path = tmp_path / "judge.onnx"
    scales = {k: calibration.Scale.identity(level) for k, level in calibration.LEVEL.items()}
    alike = likeness.fit(some_known(600))  # of a few the exporter folds what is known
    export.export_judge(export.Judgement(list(m.judges), alike, m.stack, scales, m.heard).eval(), HIDDEN, path)
    assert released.heard(path) == pytest.approx({"scale": 0.8, "expected": 2.0, "missing": 0.5})
    again = likeness.load(released.state(path, "likeness"))
    assert all(torch.allclose(v, again.state_dict()[k], atol=2e-3) for k, v in alike.state_dict().items())
    for i, judge in enumerate(m.judges):
        state = released.state(path, f"judges.{i}")
        assert state.keys() == judge.state_dict().keys()
        for k, v in judge.state_dict().items():
            assert torch.allclose(state[k], v, atol=2e-3), k


def some_raw(n):
    return Raw(*(torch.randn(1, n) for _ in range(3)), torch.randn(1, 3), torch.randn(1, n) * 3, torch.randn(1, n) * 3)


def test_trees_in_the_graph_are_those_that_were_fitted(monkeypatch):
    monkeypatch.setattr(stack, "REPEATS", 1)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4000, SEEN)).astype(np.float32)
    x[:, 3] = 1 + np.spacing(np.float32(1)) * rng.integers(0, 30, 4000)  # neighbours, among which thresholds fall
    y = x[:, 0] + (x[:, 1] > 0) * x[:, 2] + 3e5 * (x[:, 3] - 1)
    models = stack.bags(x, y, np.ones(4000), np.arange(4000) // 160, stack.DIRECTION["phone"], 0)
    forest = stack.Forest(len(models) * stack.TREES).take(models, x)
    other = rng.normal(size=(500, SEEN)).astype(np.float32)
    other[:, 3] = x[:500, 3]
    assert np.abs(forest(torch.from_numpy(other)[None])[0].numpy() - np.mean([m.predict(other) for m in models], 0)).max() < 1e-4
    again = stack.Stack(len(models) * stack.TREES, 0)
    again.forests["phone"] = forest
    assert torch.equal(stack.Stack.of(again.state_dict()).forests["phone"](torch.from_numpy(other)[None]), forest(torch.from_numpy(other)[None]))


def test_trees_never_praise_a_phone_for_having_been_another(monkeypatch):
    monkeypatch.setattr(stack, "REPEATS", 1)
    rng = np.random.default_rng(1)
    x = rng.normal(size=(3000, SEEN)).astype(np.float32)
    models = stack.bags(x, -x[:, 0] + x[:, 1] + rng.normal(size=3000), np.ones(3000), np.arange(3000) // 100, stack.DIRECTION["phone"], 0)
    forest = stack.Forest(len(models) * stack.TREES).take(models, x)
    row = torch.zeros(1, 50, SEEN)
    for feature, sign in ((0, 1), (1, -1)):  # its own score raises, another sound's odds lower: whatever the data say
        at = row.clone()
        at[..., feature] = torch.linspace(-3, 3, 50)
        assert (sign * forest(at)[0].diff() >= -1e-6).all()


def test_a_phone_that_experts_like_better_or_that_was_more_surely_said_has_the_better_score():
    experts, said = torch.linspace(0, 2.4, 200), torch.linspace(0, 2.4, 50)
    got = stack.blended(experts[:, None], said)
    assert (got.diff(dim=0) > 0).all() and (got.diff(dim=1) >= 0).all()
    near = experts[:, None] - said < 1.3  # further below it moves nothing
    assert (got.diff(dim=1) > 0)[near[:, :-1]].all()
    assert ((got >= torch.minimum(experts[:, None], said)) & (got <= torch.maximum(experts[:, None], said))).all()


def test_whether_a_phone_was_said_is_told_by_it_and_its_neighbours_alone():
    p, raw, e, usual = phones(7), some_raw(7), some_evidence(7), torch.rand(CLASSES)
    seen = stack.features(raw, p, e, usual)[0, :, stack.SEES["sound"]]
    assert seen.shape[1] == len(stack.DIRECTION["sound"])
    for at in range(7):
        far = (torch.arange(7) - at).abs() > 1
        changed = raw._replace(**{k: torch.where(far, v + 1, v) for k, v in raw._asdict().items() if k not in ("sentence", "word")},
                               word=raw.word + 1, sentence=raw.sentence + 1)
        other = e._replace(scalars=torch.where(far[:, None], e.scalars + 1, e.scalars), globals=e.globals + 1)
        assert torch.equal(stack.features(changed, p, other, usual)[0, at, stack.SEES["sound"]], seen[at])


def test_the_stack_sees_the_word_and_the_sentence_whatever_the_padding():
    p, raw = phones(7), some_raw(7)  # words of three, three and one
    usual, e = torch.rand(CLASSES), some_evidence(7)
    got = dict(zip([*stack.NEAR, *stack.WORD], stack.features(raw, p, e, usual)[0].unbind(-1)))
    assert got["word's lowest phone"].tolist() == [raw.phone[0, :3].min()] * 3 + [raw.phone[0, 3:6].min()] * 3 + [raw.phone[0, 6]]
    assert got["word's highest wrong"].tolist() == [raw.wrong[0, :3].max()] * 3 + [raw.wrong[0, 3:6].max()] * 3 + [raw.wrong[0, 6]]
    assert torch.allclose(got["word's mean phone"][3:6], raw.phone[0, 3:6].mean().expand(3), atol=1e-6)
    assert got["word's phones"].tolist() == [3.0] * 6 + [1.0]
    assert got["phone over others"][4] == raw.phone[0, 4] - raw.phone[0, [3, 5]].min().clamp(max=2.0)
    assert got["wrong over others"][4] == raw.wrong[0, 4] - raw.wrong[0, [3, 5]].max().clamp(min=-4.0)
    assert got["phone over others"][6] == raw.phone[0, 6] - 2.0  # alone in its word
    assert got["phone before"].tolist() == [2.0, *raw.phone[0, :-1].tolist()]
    assert got["wrong after"].tolist() == [*raw.wrong[0, 1:].tolist(), -4.0]
    assert got["scalar 3 before"].tolist() == [8.0, *e.scalars[0, :-1, 3].tolist()]
    assert torch.allclose(got["mean phone"], raw.phone.mean().expand(7), atol=1e-6)
    padded = Phones(*(torch.nn.functional.pad(x, (0, 4), value=-1 if i == 2 else 0) for i, x in enumerate(p)))
    with_padding = Raw(*(v if k == "sentence" else torch.nn.functional.pad(v, (0, 4), value=7.0) for k, v in raw._asdict().items()))
    e_padded = e._replace(scalars=torch.nn.functional.pad(e.scalars, (0, 0, 0, 4), value=7.0))
    assert torch.allclose(stack.features(with_padding, padded, e_padded, usual)[:, :7], stack.features(raw, p, e, usual), atol=1e-5)
    assert got["phoneme's usual score"].tolist() == usual[p.phoneme[0]].tolist()
    assert got["word's lowest scalar 2"].tolist() == [e.scalars[0, :3, 2].min()] * 3 + [e.scalars[0, 3:6, 2].min()] * 3 + [e.scalars[0, 6, 2]]
    assert got["global 3"].tolist() == [e.globals[0, 3]] * 7


def some_evidence(n):
    return namedtuple("SomeEvidence", "scalars globals")(torch.randn(1, n, SCALARS), torch.randn(1, GLOBALS))


def test_what_is_excellent_counts_more_and_each_phoneme_as_learners_say_it():
    def lesson(phones, scores):
        n, zeros = len(phones), np.zeros(len(phones), np.int64)
        u = Utterance("a", Path(), "a", "s", np.array(phones), zeros, zeros, phone_scores=np.array(scores, np.float32), word_scores=np.array([5.0]))
        e = Evidence(*(torch.zeros(n, 1) if k in ("pooled", "peak", "posterior", "heard", "gaps") else torch.zeros(1) for k in Evidence._fields))
        e = e._replace(scalars=torch.zeros(n, SCALARS), globals=torch.zeros(GLOBALS))
        return stack.Lesson(Answer(Example(u, zeros, zeros, e), some_raw(n)), "s", stack.SCORED)

    lessons = [lesson([3, 4, 4], [2.0, 1.0, 1.9])]
    usual = stack._usual(lessons)
    assert usual[3] > usual[5] > usual[4]  # the fifth nobody said
    _, scores = stack._known(lessons[0], np.zeros((3, SEEN)), "phone")
    assert scores.tolist() == pytest.approx([2.4, 1.0, 2.3])

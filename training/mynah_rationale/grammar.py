"""Wordings of claims: chosen ones with real variety, and rejected ones.

A request holds each claim's plain wording ("says"). What must stay as it is (words and sounds in quotes, symbols, cues) is
taken over from it; the sentence around it is written anew. What a chosen wording may say is decided by the verifier
(`mynah eval rationale --answers`), not here.
"""

from __future__ import annotations

import json
import random
import re
from dataclasses import dataclass

# the final “t” /t/ (as in “ten”) in the second “asked”
_SOUND = re.compile(r"\b[Tt]he (?:\w+ ){0,2}“[^”]+” /[^/]+/(?: \(as in “[^”]+”\))? in (?:the \w+ )?(?:“[^”]+”|word|word \d+)", re.UNICODE)
_HEARD = re.compile(r"(?:closer to|more like|nearer to|towards) ((?:an? |the )?(?:\w+ )?“[^”]+” /[^/]+/(?: of “[^”]+”)?)")
_WORD = re.compile(r"(?:the (?:first|second|third|fourth|fifth|sixth) )?“[^”]+”")
_LEAD = re.compile(r"^(?:(?:Thanks|Thank you)[^.]*\. )?")


@dataclass(frozen=True)
class Claim:
    """One claim as the request shows it."""

    id: str
    kind: str
    label: str | None
    sure: bool
    says: str
    aspect: str = ""
    heard: str = ""

    @property
    def sound(self) -> str:
        """The sound in its word, from "the" on, "" where the claim names none."""
        m = _SOUND.search(self.says)
        return m.group(0)[0].lower() + m.group(0)[1:] if m else ""

    @property
    def heard_as(self) -> str:
        m = _HEARD.search(self.says)
        return m.group(1) if m else ""

    @property
    def word(self) -> str:
        m = _WORD.search(_LEAD.sub("", self.says))
        return m.group(0) if m else ""


def claims_of(request: dict) -> list[Claim]:
    """The claims that a line of `--requests` asks for."""
    more = {c["id"]: c for c in request["claims"]}
    return [Claim(c["id"], c["kind"], c["label"], c["sure"], c["says"], more[c["id"]].get("aspect", ""), more[c["id"]].get("heard", ""))
            for c in json.loads(request["user"])["claims"]]


def answer(segments: list[tuple[str, str]]) -> str:
    """The JSON that is asked for, of (claim, text)."""
    return json.dumps({"segments": [{"claims": [i], "text": t} for i, t in segments]}, ensure_ascii=False)


def chosen(claims: list[Claim], rng: random.Random) -> str:
    """One way to say all of them."""
    out, fixes = [], 0
    for c in claims:
        text = ""
        if c.kind == "strength":
            text = _strength(c, rng)
        elif c.kind in ("phone", "word", "sentence", "pause"):
            text = _fix(c, fixes, rng)
            fixes += 1
        elif c.kind == "cue":
            text = _with_lead(c.says, ["", "", "Try this: ", "Here is a way: ", "It helps to do this: "], rng)
        elif c.kind == "next":
            text = _with_lead(c.says, ["", "", "Ready? ", "For the next step: ", "And then: "], rng)
        out.append((c.id, text or c.says))
    return answer(out)


def _with_lead(says: str, leads: list[str], rng: random.Random) -> str:
    lead = rng.choice(leads)
    if lead.endswith(": ") and says[:1].isupper() and not says.startswith("I "):
        says = says[0].lower() + says[1:]
    return lead + says


def _capital(s: str) -> str:
    return s[:1].upper() + s[1:]


def _strength(c: Claim, rng: random.Random) -> str:
    if c.label not in ("Good", "Excellent"):
        return c.says
    your = "your" + c.sound[3:] if c.sound else ""
    well = rng.choice(["clear", "nice and clear", "clear and steady", "really clear", "very clear", "clear and easy to hear"])
    if c.sound:
        options = [f"{your} was {well}.", f"{your} came through {rng.choice(['well', 'clearly', 'nicely', 'very well'])}.",
                   f"I heard {your} clearly.", f"nice work on {your}; it was {well}.", f"well done: {your} was {well}.",
                   f"{your} was good and clear.", f"you said {c.sound} {rng.choice(['well', 'clearly', 'nicely'])}."]
    elif c.aspect == "accuracy" and c.word:
        options = [f"{c.word} was {well}.", f"{c.word} came through {rng.choice(['well', 'clearly', 'nicely'])}.",
                   f"you said {c.word} {rng.choice(['clearly', 'well', 'nicely'])}.", f"nice work on {c.word}; it was {well}.",
                   f"well done: {c.word} was {well}.", f"I understood {c.word} at once; it was clear."]
    else:
        options = {
            "fluency": ["your reading flowed nicely.", "you read smoothly, well done.", "the sentence flowed well.", "you kept a good, steady flow."],
            "prosody": ["your rhythm worked well.", "the rhythm of your sentence was good.", "the melody came across well.", "good rhythm, well done."],
            "accuracy": ["your sounds were clear.", "your sounds came through well.", "your pronunciation was clear and easy to follow."],
            "completeness": [c.says],
        }.get(c.aspect, [c.says])
    return _capital(rng.choice(options))


def _fix(c: Claim, nth: int, rng: random.Random) -> str:
    lead = rng.choice(["", "", "One thing to work on: ", "Let's look at this: ", "Something to try: "] if nth == 0
                      else ["", "Also, ", "Then, ", "One more thing: ", "Next, "])
    near = c.label == "Average"
    where = c.sound or c.word
    your = "your" + c.sound[3:] if c.sound else c.word
    if not c.sure:
        if not where:
            return c.says
        return _capital(rng.choice([f"I'm not sure, but {where} may not have been quite clear.", f"perhaps {where} could be a little clearer; I'm not certain.",
                                    f"I may be wrong, but maybe {where} could be clearer."])) if not c.heard_as and c.heard != "missing" else c.says
    if c.kind == "phone" and c.heard == "missing":
        options = [f"{where} was very faint.", f"{where} was barely there."] if near else [
            f"I couldn't hear {where}.", f"{where} was missing.", f"{where} got lost.", f"I didn't hear {where}."]
    elif c.kind == "phone" and c.heard_as:
        options = [f"{where} is close, but still leans a little towards {c.heard_as}.", f"{your} was nearly there, a little closer to {c.heard_as}.",
                   f"{your} is almost there; it still leans towards {c.heard_as}."] if near else [
            f"{your} came out more like {c.heard_as}.", f"{where} drifted towards {c.heard_as}.", f"{your} sounded a bit closer to {c.heard_as}.",
            f"{where} was nearer to {c.heard_as}, so let's work on it."]
    elif c.kind in ("phone", "word") and where and c.aspect == "accuracy":
        options = [f"{where} is close, but could be a little clearer.", f"{where} is nearly there; it could be clearer.", f"{your} is almost there, not quite clear yet."] if near else [
            f"{where} wasn't quite clear yet.", f"{where} needs a little work.", f"{where} was hard to make out.", f"let's work on {where}; it wasn't clear yet."]
    elif c.kind == "pause" and where:
        options = [f"there was a long stop after {where}.", f"a pause after {where} broke the flow.", f"you stopped for a while after {where}."]
    else:
        return c.says
    text = rng.choice(options)
    return lead + text if lead else _capital(text)


# What a coach must not do; each takes the claims and says them wrongly.
def rejected(claims: list[Claim], rng: random.Random) -> tuple[str, str]:
    """A wording to be avoided, and its kind: of labels turned over (most often, and mostly the fixes), unkind, vague or
    overlong."""
    kind = rng.choices(["turned", "swapped", "another", "unkind", "vague", "overlong", "beyond"], [5, 3, 3, 2, 2, 2, 2])[0]
    text = {c.id: s for c, s in zip(claims, _texts(chosen(claims, rng)), strict=True)}
    fixes = [c for c in claims if c.kind in ("phone", "word", "sentence", "pause")]
    target = rng.choice(fixes or claims)
    where = target.sound or target.word or "the sentence"
    if kind == "swapped" and not target.heard_as or kind == "another" and not target.word:
        kind = "turned"
    if kind == "turned":
        text[target.id] = _capital(rng.choice([f"{where} was perfect.", f"{where} was clear and strong.", f"you said {where} very well."] if target in fixes
                                              else [f"{where} was not clear.", f"{where} needs a lot of work.", f"{where} was wrong."]))
    elif kind == "swapped":
        text[target.id] = f"You wanted {target.heard_as}, but it came out more like {where}."
    elif kind == "another":
        text[target.id] = text[target.id].replace(target.word.split("“")[-1].rstrip("”"), rng.choice(["banana", "yesterday", "river", "window"]))
    elif kind == "unkind":
        text[target.id] = _capital(rng.choice([f"{where} was terrible.", f"{where} was awful, and I expected more.", f"you failed at {where} again."]))
    elif kind == "vague":
        for c in claims:
            if c.kind not in ("cue", "next"):
                text[c.id] = rng.choice(["Good job overall.", "Some sounds could be better.", "That was fine, keep practising.", "A few things need work."])
    elif kind == "overlong":
        for c in claims:
            text[c.id] += " " + " ".join(rng.sample(["You are making wonderful progress, and I am so proud of you.", "Remember that every great journey starts with one small step.",
                                                     "Learning a language takes time, and you should always believe in yourself.", "Keep going and never give up, no matter what.",
                                                     "This was an amazing effort from start to finish."], 2))
    else:
        text[target.id] += rng.choice([" You almost sound like a native speaker.", " You seem nervous.", " That would be a B2.", " It was better than last time.",
                                       " All your other words were perfect.", " Your accent gives you away."])
    return answer([(c.id, text[c.id]) for c in claims]), kind


def _texts(a: str) -> list[str]:
    return [s["text"] for s in json.loads(a)["segments"]]

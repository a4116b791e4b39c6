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


FIXES = ("phone", "word", "sentence", "pause")  # the kinds of claims that ask for something to be said otherwise


def fixes(claims: list[Claim]) -> list[Claim]:
    """Those that ask for something to be said otherwise."""
    return [c for c in claims if c.kind in FIXES]


def chosen(claims: list[Claim], rng: random.Random, avoid: str | None = None) -> str:
    """One way to say all of them, which doesn't begin with the words to avoid if there is another."""
    for _ in range(8):
        said = _chosen(claims, rng)
        if not avoid or not said[0][1].startswith(avoid):
            break
    return answer(said)


def _chosen(claims: list[Claim], rng: random.Random) -> list[tuple[str, str]]:
    out, nth = [], 0
    for c in claims:
        text = ""
        if c.kind == "strength":
            text = _strength(c, rng)
        elif c.kind == "change":
            text = _change(c, rng)
        elif c.kind in FIXES:
            text = _fix(c, nth, rng)
            nth += 1
        elif c.kind == "cue":
            text = _cue(c, rng)
        elif c.kind == "next":
            text = _next(c, rng)
        out.append((c.id, text or c.says))
    if not any(c.kind in ("strength", "change") for c in claims):
        thanks = rng.choice(["Thanks for sending this one.", "Thank you for this recording.", "Thanks for reading this to me.", "Thank you for sending this."])
        out[0] = (out[0][0], f"{thanks} {_LEAD.sub('', out[0][1])}")
    return out


def _capital(s: str) -> str:
    return s[:1].upper() + s[1:]


def _lower(s: str) -> str:
    return s if s.startswith(("I ", "I'")) else s[:1].lower() + s[1:]


def _after(lead: str, text: str) -> str:
    """The text after a lead, "" or one that a small letter follows, or a capital after a full stop."""
    return lead + (_lower(text) if lead.endswith((": ", ", ")) else _capital(text))


def _strength(c: Claim, rng: random.Random) -> str:
    if c.label not in ("Good", "Excellent"):
        return rng.choice([f"{_capital(c.word)} came through best.", f"The word that came across best was {c.word}.", f"In this sentence, {c.word} came across best."]) \
            if c.word and c.aspect == "accuracy" else c.says
    well = rng.choice(["clear", "nice and clear", "clear and steady", "really clear", "very clear", "clear and easy to hear"])
    nicely = rng.choice(["well", "clearly", "nicely"])
    if c.sound:
        your = "your" + c.sound[3:]
        options = [f"{your} was {well}.", f"{your} came through {nicely}.", f"I heard {your} clearly.", f"nice work on {your}; it was {well}.",
                   f"well done: {your} was {well}.", f"{your} was good and clear.", f"you said {c.sound} {nicely}.",
                   f"I enjoyed {your}; it was {well}.", f"good work: {your} came through {nicely}."]
    elif c.aspect == "accuracy" and c.word:
        options = [f"{c.word} was {well}.", f"{c.word} came through {nicely}.", f"you said {c.word} {nicely}.", f"nice work on {c.word}; it was {well}.",
                   f"well done: {c.word} was {well}.", f"I understood {c.word} at once; it was clear.", f"I enjoyed how you said {c.word}; it was {well}.",
                   f"good work: {c.word} came through {nicely}."]
    else:
        options = {
            "fluency": ["your reading flowed nicely.", "you read smoothly, well done.", "the sentence flowed well.", "you kept a good, steady flow.",
                        "nice work: your reading flowed well.", "I enjoyed how smoothly you read this."],
            "prosody": ["your rhythm worked well.", "the rhythm of your sentence was good.", "the melody came across well.", "good rhythm, well done.",
                        "I enjoyed the rhythm of your sentence.", "nice work: the melody of your sentence came across well."],
            "accuracy": ["your sounds were clear.", "your sounds came through well.", "your pronunciation was clear and easy to follow.",
                         "nice work: your sounds came through clearly."],
        }.get(c.aspect, [c.says])
    return _capital(rng.choice(options))


def _change(c: Claim, rng: random.Random) -> str:
    what = c.sound or (c.word if c.aspect == "accuracy" else "")
    if not what:
        return c.says
    return _capital(rng.choice([
        f"your practice shows: {what} is clearer than last time.", f"{what}, which we worked on last time, is clear now.",
        f"well done: {what} is clearer than last time.", f"last time we worked on {what}, and now it is clear.", f"better than last time: {what}."]))


def _fix(c: Claim, nth: int, rng: random.Random) -> str:
    says = _LEAD.sub("", c.says)
    small = next((s for s in _SMALL if says.startswith(s)), "")
    if small:
        leads = _SMALL
    elif says.startswith(_MET):
        leads = [*_MET, "Once more, "]
    elif nth == 0:
        leads = ["", "", "One thing to work on: ", "Let's look at this: ", "Here is what to work on: ", "The main thing: "]
    else:
        leads = ["", "Also, ", "Then, ", "One more thing: ", "Next, ", "After that: "]
    near = c.label == "Average"
    where = c.sound or c.word
    your = "your" + c.sound[3:] if c.sound else c.word
    if not c.sure:
        if not where or c.heard_as or c.heard == "missing":
            return says
        return _capital(rng.choice([f"I'm not sure, but {where} may not have been quite clear.", f"perhaps {where} could be a little clearer; I'm not certain.",
                                    f"I may be wrong, but maybe {where} could be clearer."]))
    if c.kind == "phone" and c.heard == "missing":
        options = [f"{where} was very faint.", f"{where} was barely there."] if near else [
            f"I couldn't hear {where}.", f"{where} was missing.", f"{where} got lost.", f"I didn't hear {where}."]
    elif c.kind == "phone" and c.heard_as:
        options = [f"{where} is close, but still leans a little towards {c.heard_as}.", f"{your} was nearly there, a little closer to {c.heard_as}.",
                   f"{your} is almost there; it still leans towards {c.heard_as}."] if near else [
            f"{your} came out more like {c.heard_as}.", f"{where} drifted towards {c.heard_as}.", f"{your} sounded a bit closer to {c.heard_as}.",
            f"{where} was nearer to {c.heard_as}, so let's work on it."]
    elif c.kind in ("phone", "word") and where and c.aspect == "accuracy" and c.heard != "missing":
        options = [f"{where} is close, but could be a little clearer.", f"{where} is nearly there; it could be clearer.", f"{your} is almost there, not quite clear yet.",
                   f"{where} needs just a little more care to be clear."] if near else [
            f"{where} wasn't quite clear yet.", f"{where} needs a little work.", f"{where} was hard to make out.", f"let's work on {where}; it wasn't clear yet.",
            f"{where} didn't come through yet, so let's work on it."]
    elif c.kind == "pause" and where:
        options = [f"there was a long stop after {where}.", f"a pause after {where} broke the flow.", f"you stopped for a while after {where}."]
    elif c.kind == "sentence":
        options = {
            ("fluency", True): ["your reading could flow a little more.", "the flow was a little uneven.", "let's help the sentence flow a little more."],
            ("fluency", False): ["the flow of the sentence needs some work.", "the sentence didn't flow yet.", "let's work on the flow; it was uneven."],
            ("prosody", True): ["the rhythm of the sentence could be a little clearer.", "the melody of the sentence was nearly there.",
                                "let's work on the rhythm a little."],
            ("prosody", False): ["the rhythm of the sentence needs some work.", "the melody of the sentence wasn't clear yet.",
                                 "let's work on the rhythm; it wasn't clear yet."],
        }.get((c.aspect, near), [])
    else:
        options = []
    if not options:
        return c.says
    text = rng.choice(options)
    # "Also, let's ..." is said; "The main thing: let's ..." is not.
    leads = [x for x in leads if not (text.startswith("let's") and x.endswith(": "))] or leads
    return _after(rng.choice(leads), text)


def _cue(c: Claim, rng: random.Random) -> str:
    leads = ["", ""] if ": " in c.says else ["", "", "Try this: ", "Here is a way: ", "It helps to do this: ", "What helps here: ", "A way to practise it: "]
    return _after(rng.choice(leads), c.says)


def _next(c: Claim, rng: random.Random) -> str:
    quoted = re.findall(r"(?:the \w+ )?“[^”]+”", c.says)
    for begins, options in _NEXT.items():
        if re.match(begins, c.says):
            text = rng.choice([c.says, *options])
            return text.format(*quoted) if "{0}" in text else text
    return c.says


_LEAD = re.compile(r"^(?:Thanks|Thank you)[^.]*\. ")
_MET = ("Again, ", "We have met this one before: ", "Back to one that you know: ")
_SMALL = ("A small thing that listeners seldom mind: ", "If you like, one detail: ", "A detail that people will follow either way: ")
# Next steps as the realiser says them (how they begin), and other ways to say the same.
_NEXT = {
    "There is nothing I would change": ["There's nothing I would change, so next, try a sentence with words that you find hard.",
                                        "I wouldn't change anything; try a sentence with words that you find hard next."],
    "Nothing here needs work": ["Nothing needs work here, so read it once more as if you were telling it to a friend.",
                                "Nothing here needs work. Read it again as if you were telling it to a friend."],
    "I found nothing to correct": ["There was nothing to correct, so now look away from the text and say it from memory.",
                                   "I found nothing to correct. Now look away from the text and try to say it from memory."],
    "I have nothing to correct here": ["There's nothing to correct here, so a longer sentence is your next step. Try one!",
                                       "I have nothing to correct, so let's try a longer sentence next."],
    "No single thing needs": ["No single thing needs your attention, so let's try a longer sentence next."],
    "Nothing here stands out": ["Nothing stands out enough to correct, so let's try another sentence next."],
    "I would leave this one as it is": ["I'd leave this one as it is. Next, try a sentence with words that you find hard."],
    "Now say .* three times": ["When you're ready, say {0} three times, slowly, and then send me the whole sentence again.",
                               "Say {0} three times, slowly. Then send me the whole sentence again."],
    "Say .* slowly, then": ["Take {0} slowly at first, then a little faster, and send the sentence again.",
                            "Now say {0} slowly, then a little faster, and send me the sentence again."],
    "Warm up with": ["Warm up with {0} first, and then read me the sentence once more.", "When you're ready, warm up with {0} and read the sentence to me once more."],
    "Try .* by itself": ["Now try {0} by itself, and then record the whole sentence once more.", "Next, try {0} by itself; then record the whole sentence again."],
    "Practise on": ["Now practise on {0}, {1} and {2}, and then record the sentence once more.",
                    "Practise with {0}, {1} and {2} first, then record the sentence again."],
    "Take a breath": ["Now take a breath, read the whole sentence again, and send it to me.", "When you're ready, take a breath, read the whole sentence once more, and send it."],
    "Try it once more": ["Now try it once more, a little slower, and send it to me again.", "Let's try it once more, a little slower. Then send it again."],
    "Read it through once": ["Now read it through once without recording, and then send me a new take.",
                             "Read it through once without recording first. Then send me a new take."],
}


# What a coach must not do; each takes the claims and says them wrongly.
def rejected(claims: list[Claim], rng: random.Random) -> tuple[str, str]:
    """A wording to be avoided, and its kind: of labels turned over (most often, and mostly the fixes), unkind, vague or
    overlong."""
    kind = rng.choices(["turned", "swapped", "another", "unkind", "vague", "overlong", "beyond"], [5, 3, 3, 2, 2, 2, 2])[0]
    text = {c.id: s for c, s in zip(claims, _texts(chosen(claims, rng)), strict=True)}
    wrong = fixes(claims)
    target = rng.choice(wrong or claims)
    where = target.sound or target.word or "the sentence"
    if kind == "swapped" and not target.heard_as or kind == "another" and not target.word:
        kind = "turned"
    if kind == "turned":
        text[target.id] = _capital(rng.choice([f"{where} was perfect.", f"{where} was clear and strong.", f"you said {where} very well."] if target in wrong
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

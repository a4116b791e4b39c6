"""Has a served decoder answer the requests of `mynah eval rationale --requests`, once each: for its `--answers`.

Nothing is asked a second time and nothing falls back, so that what comes back shows the decoder alone.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from tqdm import tqdm


def ask(url: str, request: dict, timeout: float, seed: int) -> str:
    """One answer of an OpenAI-compatible server, asked as mynah asks; "" where it can't give any."""
    body = {
        "model": "rationale", "temperature": 0.4, "max_tokens": 600, "seed": seed,
        "messages": [{"role": "system", "content": request["system"]}, {"role": "user", "content": request["user"]}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "rationale", "schema": request["schema"], "strict": True}},
    }
    call = urllib.request.Request(f"{url.rstrip('/')}/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(call, timeout=timeout) as r:
            return json.load(r)["choices"][0]["message"]["content"] or ""
    except (urllib.error.HTTPError, TimeoutError) as err:
        print(f"{request['id']}: {err}", file=sys.stderr)
        return ""


def main() -> None:
    p = argparse.ArgumentParser(prog="mynah_rationale.ask", description=__doc__.split("\n\n")[0])
    p.add_argument("--url", required=True, help="the server, with /v1")
    p.add_argument("--requests", type=Path, required=True)
    p.add_argument("--out", type=Path, required=True, help="answers, one a line; those that are there are not asked for again")
    p.add_argument("--every", type=int, default=1, help="only every n-th request")
    p.add_argument("--timeout", type=float, default=120.0, help="seconds for one answer")
    p.add_argument("--seed", type=int, default=7)
    a = p.parse_args()
    requests = [json.loads(line) for line in a.requests.read_text(encoding="utf-8").splitlines()][:: a.every]
    done = {json.loads(line)["id"] for line in a.out.read_text(encoding="utf-8").splitlines()} if a.out.exists() else set()
    with a.out.open("a", encoding="utf-8") as out:
        for r in tqdm([r for r in requests if r["id"] not in done]):
            start = time.monotonic()
            answer = ask(a.url, r, a.timeout, a.seed)
            print(json.dumps({"id": r["id"], "answer": answer, "seconds": round(time.monotonic() - start, 2)}, ensure_ascii=False), file=out, flush=True)


if __name__ == "__main__":
    main()

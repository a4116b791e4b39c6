"""Grapheme to phoneme: trains the small network that guesses how an unknown
word is said, and packs CMUdict for the Go service.

All of it, from the folder training/, in one command (20 minutes on one core,
with the packages of requirements.txt):

    python -m mynah_g2p all

which writes ../scorer/model/g2p.onnx and ../scorer/lexicon/cmudict.txt.gz. The
stages can be run alone: pack, train, evaluate, export.

The graph: input `letters` int64 [1, L] (1-based index into the metadata's
`letters`), output `logp` float32 [1, UPSAMPLE * L, C] (class 0 is the CTC blank,
class i is `symbols[i-1]`: ARPAbet with stress on vowels). Its vocabulary stands
in the file's metadata under the key `mynah.g2p`, as JSON.
"""

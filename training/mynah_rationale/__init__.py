"""Trains the rationale decoder: a small instruct model that words claims, by SFT and then Bounded DPO. See README.md."""

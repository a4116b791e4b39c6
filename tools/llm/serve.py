"""Serves a language model for the tests with llama.cpp's own server.

Takes the path of a GGUF file. Prints the server's address once it listens, on a free port of the loopback
interface, and stops when standard input is closed.
"""

import sys

import xllamacpp


def main() -> None:
    params = xllamacpp.CommonParams()
    params.model.path = sys.argv[1]
    params.n_ctx = 4096
    params.cpuparams.n_threads = 1  # more would spin while they wait for busy cores
    params.cpuparams_batch.n_threads = 1
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    sys.stdin.read()


main()

"""The Fréchet distance of two statistics files as EDM's and TTUR's programs take it: what `npm run bench` holds `frechetDistance` against.

    python3 bench/frechet.py A.npz B.npz

scipy.linalg.sqrtm of the product, of which the real part counts; float64. Reads one task a line from stdin, answers one JSON object a line;
see src/frechet-contestant.ts.
"""

import json, os, sys, time

import numpy as np
import scipy
import scipy.linalg


def distance(a, b):
    root = scipy.linalg.sqrtm(a["sigma"] @ b["sigma"])
    return float(np.square(a["mu"] - b["mu"]).sum() + np.trace(a["sigma"] + b["sigma"] - 2 * np.real(root)))


def main():
    a, b = ({name: np.array(file[name]) for name in ("mu", "sigma")} for file in map(np.load, sys.argv[1:3]))
    print(json.dumps({"ready": f"SciPy {scipy.__version__}, NumPy {np.__version__}"}), flush=True)
    for line in sys.stdin:
        if json.loads(line)["task"] == "check":
            answer = {"values": [distance(a, b), distance(a, a)]}
        else:
            start, used = time.perf_counter(), os.times()
            distance(a, b)
            now = os.times()
            cpu = now.user + now.system - used.user - used.system
            answer = {"milliseconds": (time.perf_counter() - start) * 1000, "processor": cpu * 1000}
        print(json.dumps(answer), flush=True)


main()

"""sentence-transformers on the same texts: `embed BATCH` or `score BATCH` on a line, seconds on a line."""

import json
import sys
import time

import torch
from sentence_transformers import CrossEncoder, SentenceTransformer

data, bi, cross, threads = sys.argv[1:]
torch.set_num_threads(int(threads))
rows = json.load(open(data))
embedder = SentenceTransformer(bi, device="cpu")
scorer = CrossEncoder(cross, device="cpu")
embedder.encode(rows["texts"][:64])
scorer.predict(rows["pairs"][:64])
print("ready", flush=True)
for line in sys.stdin:
    what, batch = line.split()
    begun = time.perf_counter()
    with torch.inference_mode():
        if what == "embed":
            embedder.encode(rows["texts"], batch_size=int(batch))
        else:
            scorer.predict(rows["pairs"], batch_size=int(batch))
    print(time.perf_counter() - begun, flush=True)

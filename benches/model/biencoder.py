"""Trains a bi-encoder with sentence-transformers on the batches that jobmatch trains on, as its peer in speed, memory and quality.

    pip install torch==2.11.0 sentence-transformers==6.2.0
    python benches/model/biencoder.py BATCHES.jsonl MODEL OUTPUT --seed 1 --threads 2

BATCHES.jsonl is what `cargo run --release -p jobmatch-biencoder --example batches` prints. Prints one JSON object.
"""

import argparse
import json
import resource
import time

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.losses import (
    CachedMultipleNegativesRankingLoss,
    MultipleNegativesRankingLoss,
)
from transformers import get_linear_schedule_with_warmup

parser = argparse.ArgumentParser()
parser.add_argument("batches")
parser.add_argument("model")
parser.add_argument("output")
parser.add_argument("--seed", type=int, default=42)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--rate", type=float, default=5e-5)
parser.add_argument("--scale", type=float, default=20.0)
parser.add_argument("--max-tokens", type=int, default=128)
parser.add_argument("--mini-batch", type=int, help="rows of CachedMultipleNegativesRankingLoss's mini-batches")
arguments = parser.parse_args()

torch.manual_seed(arguments.seed)
torch.set_num_threads(arguments.threads)
steps = {}
with open(arguments.batches, encoding="utf-8") as lines:
    for row in map(json.loads, lines):
        steps.setdefault(row["step"], []).append((row["query"], row["passage"]))

model = SentenceTransformer(arguments.model, device="cpu")
model.max_seq_length = arguments.max_tokens
if arguments.mini_batch:
    loss_of = CachedMultipleNegativesRankingLoss(model, scale=arguments.scale, mini_batch_size=arguments.mini_batch)
else:
    loss_of = MultipleNegativesRankingLoss(model, scale=arguments.scale)
named = [(name, value) for name, value in model.named_parameters() if value.requires_grad]
plain = [value for name, value in named if name.endswith("bias") or "LayerNorm" in name]
decayed = [value for name, value in named if not (name.endswith("bias") or "LayerNorm" in name)]
groups = [{"params": decayed, "weight_decay": 0.01}, {"params": plain, "weight_decay": 0.0}]
optimizer = torch.optim.AdamW(groups, lr=arguments.rate)
schedule = get_linear_schedule_with_warmup(optimizer, round(0.1 * len(steps)), len(steps))
prepare = model.preprocess if hasattr(model, "preprocess") else model.tokenize

model.train()
losses, seconds = [], []
for step in sorted(steps):
    begun = time.perf_counter()
    queries, passages = zip(*steps[step])
    loss = loss_of([prepare(list(queries)), prepare(list(passages))], torch.arange(len(queries)))
    loss.backward()
    torch.nn.utils.clip_grad_norm_([value for _, value in named], 1.0)
    optimizer.step()
    schedule.step()
    optimizer.zero_grad()
    losses.append(loss.item())
    seconds.append(time.perf_counter() - begun)
model.save(arguments.output, create_model_card=False)
warm = seconds[len(seconds) // 10 :]
examples = sum(len(steps[step]) for step in sorted(steps)[len(seconds) // 10 :])
print(
    json.dumps(
        {
            "steps": len(losses),
            "examples_per_second": examples / sum(warm),
            "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            "first_loss": losses[0],
            "final_loss": sum(losses[-10:]) / len(losses[-10:]),
        }
    )
)

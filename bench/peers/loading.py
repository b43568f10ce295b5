"""One measurement of bench/loading.ts with transformers, as a line of JSON."""

import json
import re
import sys
import time

import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM

from models import token_ids


def megabytes(key):
    with open("/proc/self/status") as file:
        return int(re.search(rf"^{key}:\s+(\d+) kB$", file.read(), re.MULTILINE)[1]) / 1024


with open("/proc/self/clear_refs", "w") as file:
    file.write("5")
before = megabytes("VmRSS")

processor_before = time.process_time()
started = time.perf_counter()
model = AutoModelForCausalLM.from_pretrained(sys.argv[1]).eval()
load = time.perf_counter() - started
load_megabytes = megabytes("VmHWM") - before

started = time.perf_counter()
with torch.inference_mode():
    ids = token_ids(model.config.vocab_size, 4, 128)
    logits = model(input_ids=ids, use_cache=False).logits[:, :-1]
    loss = F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten()).item()
first_batch = time.perf_counter() - started
processor = time.process_time() - processor_before
print(
    json.dumps(
        {
            "load": load,
            "firstBatch": first_batch,
            "processor": processor,
            "loadMegabytes": load_megabytes,
            "totalMegabytes": megabytes("VmHWM") - before,
            "loss": loss,
        }
    )
)

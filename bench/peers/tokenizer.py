"""Tokenizes a JSON list of texts from standard input with transformers' fast tokenizer, in one call."""

import json
import sys
import time

from transformers import PreTrainedTokenizerFast

tokenizer = PreTrainedTokenizerFast(tokenizer_file=f"{sys.argv[1]}/tokenizer.json")
documents = json.load(sys.stdin)
tokenizer(documents[:100], add_special_tokens=False)
start = time.perf_counter()
ids = tokenizer(documents, add_special_tokens=False, return_attention_mask=False)["input_ids"]
seconds = time.perf_counter() - start
print(json.dumps({"tokens": sum(map(len, ids)), "seconds": seconds}))

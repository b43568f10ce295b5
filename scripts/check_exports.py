"""Loads what check-exports.ts wrote with transformers and peft, and compares logits, scores and greedy tokens.

python scripts/check_exports.py FOLDER
"""

import json
import sys
from pathlib import Path

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

TOLERANCE = 1e-4
failures = []


def difference(kind, family, actual, expected):
    worst = (actual.flatten() - torch.tensor(expected).flatten()).abs().max().item()
    print(f"{family} {kind}: {worst:.1e}")
    if not worst < TOLERANCE:
        failures.append(f"{family} {kind}")


def check_language_model(kind, family, model, expected):
    for prompt, logits, greedy in zip(expected["prompts"], expected["logits"], expected["greedy"]):
        ids = torch.tensor([prompt])
        difference(f"{kind} logits", family, model(ids).logits, logits)
        generated = model.generate(
            ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=expected["newTokens"]
        )
        if generated[0, len(prompt) :].tolist() != greedy:
            failures.append(f"{family} {kind} greedy: {generated[0].tolist()}, not {greedy}")


def check_reward_model(kind, family, model, expected):
    for prompt, score in zip(expected["prompts"], expected["scores"]):
        logits = model(torch.tensor([prompt])).logits
        difference(kind, family, logits + expected["rewardBias"], [score])


def expected_of(path):
    return json.loads((path / "expected.json").read_text())


with torch.no_grad():
    for directory in sorted(Path(sys.argv[1]).iterdir()):
        family = directory.name

        def load(kind, auto=AutoModelForCausalLM, **options):
            model, info = auto.from_pretrained(
                directory / kind, attn_implementation="eager", output_loading_info=True, **options
            )
            wrong = {key: value for key, value in info.items() if value and key != "error_msgs"}
            if wrong:
                failures.append(f"{family} {kind}: {wrong}")
            return model.eval()

        for kind in ("model", "merged"):
            check_language_model(kind, family, load(kind), expected_of(directory / kind))
        adapted = PeftModel.from_pretrained(load("model"), directory / "adapter").eval()
        check_language_model("adapter", family, adapted, expected_of(directory / "adapter"))
        merged = adapted.merge_and_unload()
        check_language_model("adapter, merged by peft", family, merged, expected_of(directory / "merged"))

        reward = load("reward", AutoModelForSequenceClassification)
        check_reward_model("reward", family, reward, expected_of(directory / "reward"))
        base = AutoModelForSequenceClassification.from_pretrained(
            directory / "model", num_labels=1, attn_implementation="eager"
        )
        adapted = PeftModel.from_pretrained(base, directory / "reward-adapter").eval()
        check_reward_model("reward adapter", family, adapted, expected_of(directory / "reward-adapter"))

print("\n".join(failures) or "all equal")
sys.exit(1 if failures else 0)

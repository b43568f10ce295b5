"""Generation with a cache of keys and values: transformers' `generate`, and a loop written by hand.

Temperature 1 without truncation, no end token; `greedy` takes the most likely token instead, for comparing results.
"""
import torch

from gpt2 import SHAPES, nano_model, token_ids, transformers_model

PAD = 0


def prompts_of(parameters):
    vocabulary = SHAPES[parameters["model"]]["vocab_size"]
    return token_ids(vocabulary, parameters["batch"], parameters["prompt"])


def result(tokens):
    return {"tokens": tokens.numel(), "first": tokens[0].tolist()}


def generate_hf(parameters):
    prompts, new = prompts_of(parameters), parameters["new"]
    model = transformers_model(parameters).eval()
    choice = dict(do_sample=False) if parameters.get("greedy") else dict(
        do_sample=True, temperature=1.0, top_k=0, top_p=1.0)
    settings = dict(attention_mask=torch.ones_like(prompts), use_cache=True, pad_token_id=PAD, eos_token_id=None,
                    max_new_tokens=new, min_new_tokens=new, **choice)
    if "cache" in parameters:
        settings["cache_implementation"] = parameters["cache"]

    @torch.inference_mode()
    def run():
        return result(model.generate(prompts, **settings)[:, prompts.shape[1] :])

    return run


def draw(logits):
    """By inverse CDF: one uniform number a row, where multinomial draws one for each token of the vocabulary."""
    cumulative = torch.softmax(logits, -1).cumsum(-1)
    target = torch.rand(len(cumulative), 1) * cumulative[:, -1:]
    return torch.searchsorted(cumulative, target).clamp_(max=cumulative.shape[1] - 1)


def generate_nano(parameters):
    prompts, new = prompts_of(parameters), parameters["new"]
    model = nano_model(parameters).eval()
    choose = (lambda logits: logits.argmax(-1, keepdim=True)) if parameters.get("greedy") else draw

    @torch.inference_mode()
    def run():
        rows, start = prompts.shape[0], 0
        model.reorder(rows)  # Timed: the weights of a policy change from rollout to rollout.
        cache = model.new_cache(rows, prompts.shape[1] + new)
        tokens, chosen = prompts, []
        for _ in range(new):
            logits = model.extend(tokens, cache, start)
            start += tokens.shape[1]
            tokens = choose(logits)
            chosen.append(tokens)
        model.reorder(0)
        return result(torch.cat(chosen, 1))

    return run


MAKERS = {"generate_hf": generate_hf, "generate_nano": generate_nano}

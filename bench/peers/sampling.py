"""Generation with a cache of keys and values: transformers' `generate`, and a loop written by hand.

Temperature 1 without truncation; `greedy` takes the most likely token instead, for comparing results. With `lengths` and
`ends` prompts have these lengths and row b ends at its token `ends[b]`: the end token is forbidden before it and forced
there, so that every competitor has the same ends whatever its weights and random numbers. Without `ends` there is none.
"""
import torch

from models import nano_model, shape_of, token_ids, transformers_model

END = 0


def prompts_of(parameters):
    """Prompts at the right of [B, T], and their lengths."""
    batch, width = parameters["batch"], parameters["prompt"]
    ids = token_ids(shape_of(parameters["model"]).vocabulary, batch, width)
    lengths = torch.tensor(parameters.get("lengths", [width] * batch))
    aligned = torch.full_like(ids, END)
    for row, length in enumerate(lengths.tolist()):
        aligned[row, width - length :] = ids[row, :length]
    return aligned, lengths


def ends_of(parameters):
    """Tokens of each response."""
    return torch.tensor(parameters.get("ends", [parameters["new"]] * parameters["batch"]))


def result(tokens, ends):
    """`first` are the responses one after the other."""
    counted = [row[:end] for row, end in zip(tokens.tolist(), ends.tolist(), strict=True)]
    return {"tokens": int(ends.sum()), "first": [token for row in counted for token in row]}


def generate_hf(parameters):
    from transformers import LogitsProcessor, LogitsProcessorList

    (prompts, lengths), ends = prompts_of(parameters), ends_of(parameters)
    width, new = prompts.shape[1], int(ends.max())
    model = transformers_model(parameters["model"], parameters.get("directory")).eval()

    class EndWhereWanted(LogitsProcessor):
        def __call__(self, input_ids, scores):
            scores[:, END] = -torch.inf
            now = ends == input_ids.shape[1] - width + 1
            if now.any():
                scores[now] = -torch.inf
                scores[now, END] = 0.0
            return scores

    mask = (torch.arange(width) >= width - lengths[:, None]).long()
    choice = dict(do_sample=False) if parameters.get("greedy") else dict(
        do_sample=True, temperature=1.0, top_k=0, top_p=1.0)
    settings = dict(attention_mask=mask, use_cache=True, pad_token_id=END, max_new_tokens=new, **choice)
    if "ends" in parameters:
        settings.update(eos_token_id=END, logits_processor=LogitsProcessorList([EndWhereWanted()]))
    else:
        settings.update(eos_token_id=None, min_new_tokens=new)
    if "cache" in parameters:
        settings["cache_implementation"] = parameters["cache"]

    @torch.inference_mode()
    def run():
        return result(model.generate(prompts, **settings)[:, width:], ends)

    return run


def draw(logits):
    """By inverse CDF: one uniform number a row, where multinomial draws one for each token of the vocabulary."""
    probabilities = torch.softmax(logits, -1)
    cumulative = probabilities.cumsum(-1)
    target = torch.rand(len(cumulative), 1) * cumulative[:, -1:]
    return torch.searchsorted(cumulative, target).clamp_(max=cumulative.shape[1] - 1), probabilities


def most_likely(logits):
    return logits.argmax(-1, keepdim=True), None


@torch.inference_mode()
def rollout(model, prompts, lengths, ends, choose=draw, keeps_log_probs=False):
    """Responses [B, R], and the log-probabilities they were drawn with; rows that ended leave once a quarter has."""
    (rows, width), new = prompts.shape, int(ends.max())
    columns, padding = torch.arange(width + new), width - lengths
    is_padded, has_ends = bool((padding > 0).any()), bool((ends != new).any())
    model.reorder(rows)  # Timed: the weights of a policy change from rollout to rollout.
    cache = model.new_cache(rows, width + new)
    responses = torch.full((rows, new), END)
    log_probs = torch.zeros(rows, new) if keeps_log_probs else None
    going, tokens, start = torch.arange(rows), prompts, 0
    for step in range(1, new + 1):
        end = start + tokens.shape[1]
        places, mask = None, None
        if is_padded:
            own = columns[start:end, None]
            hidden = columns[:end] < padding[:, None, None]
            # A padded row sees itself, so that it holds numbers.
            mask = ((columns[:end] <= own) & ~hidden | (columns[:end] == own))[:, None]
            places = (columns[start:end] - padding[:, None]).clamp(min=0)
        logits = model.extend(tokens, cache, start, places, mask)
        if has_ends:
            logits[:, END] = -torch.inf
        tokens, probabilities = choose(logits)
        if has_ends:
            tokens[ends[going] == step] = END
        responses[going, step - 1] = tokens[:, 0]
        if keeps_log_probs:
            log_probs[going, step - 1] = probabilities.gather(1, tokens)[:, 0].log()
        start = end
        remain = ends[going] > step
        if has_ends and 0 < int(remain.sum()) <= 0.75 * len(going):
            going, tokens, padding = going[remain], tokens[remain], padding[remain]
            cache = [layer[:, remain] for layer in cache]
    model.reorder(0)
    return responses, log_probs


def generate_nano(parameters):
    (prompts, lengths), ends = prompts_of(parameters), ends_of(parameters)
    model = nano_model(parameters["model"], parameters.get("directory")).eval()
    choose = most_likely if parameters.get("greedy") else draw

    def run():
        return result(rollout(model, prompts, lengths, ends, choose)[0], ends)

    return run


MAKERS = {"generate_hf": generate_hf, "generate_nano": generate_nano}

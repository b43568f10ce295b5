"""Log-probabilities of all tokens of a batch."""
import torch
import torch.nn.functional as F

from models import nano_model, transformers_model
from training import batch_of


def scorer(logits_of, parameters):
    ids = batch_of(parameters)
    rows = parameters.get("rows", 4)  # Rows whose logits are held at once.

    @torch.inference_mode()
    def run():
        log_probs = []
        for part in ids.split(rows):
            losses = F.cross_entropy(logits_of(part).flatten(0, 1), part[:, 1:].flatten(), reduction="none")
            log_probs.append(-losses.view(len(part), -1))
        scores = torch.cat(log_probs)
        return {"tokens": ids.numel(), "loss": -scores.mean().item(), "first": scores[0, :4].tolist()}

    return run


def score_nano(parameters):
    model = nano_model(
        parameters["model"], parameters.get("directory"), onednn=parameters.get("onednn", False)).eval()
    return scorer(lambda part: model.logits(model(part)[:, :-1]), parameters)


def score_hf(parameters):
    model = transformers_model(parameters["model"], parameters.get("directory")).eval()
    return scorer(lambda part: model(input_ids=part, use_cache=False).logits[:, :-1], parameters)


MAKERS = {"score_nano": score_nano, "score_hf": score_hf}

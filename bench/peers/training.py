"""A full step of supervised fine-tuning: forward, backward, clip at 1, AdamW."""
import torch
import torch.nn.functional as F

from models import nano_model, shape_of, token_ids, transformers_model


def adamw(model, rate, fused=True):
    """As the stages of alignkit are run here: no decay, else torch's defaults."""
    return torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.0, **({"fused": True} if fused else {}))


def update(model, optimizer):
    """@returns the norm of the gradient before it is clipped"""
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return norm.item()


def next_token_loss(model, ids):
    logits = model.logits(model(ids)[:, :-1])
    return F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())


def batch_of(parameters):
    return token_ids(shape_of(parameters["model"]).vocabulary, parameters["batch"], parameters["length"])


def stepper(model, loss_of, fused, tokens):
    optimizer = adamw(model, 1e-4, fused)

    def run():
        loss = loss_of()
        loss.backward()
        return {"tokens": tokens, "loss": loss.item(), "grad_norm": update(model, optimizer)}

    return run


def sft_step_nano(parameters):
    ids = batch_of(parameters)
    model = nano_model(
        parameters["model"], parameters.get("directory"), onednn=parameters.get("onednn", False)).train()
    return stepper(model, lambda: next_token_loss(model, ids), True, ids.numel())


def sft_step_hf(parameters):
    ids = batch_of(parameters)
    model = transformers_model(parameters["model"], parameters.get("directory")).train()
    model.config.use_cache = False
    fused = parameters.get("optimizer", "default") == "fused"
    return stepper(model, lambda: model(input_ids=ids, labels=ids).loss, fused, ids.numel())


MAKERS = {"sft_step_nano": sft_step_nano, "sft_step_hf": sft_step_hf}

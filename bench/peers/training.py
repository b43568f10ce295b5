"""A full step of supervised fine-tuning: forward, backward, clip at 1, AdamW."""
import torch
import torch.nn.functional as F

from gpt2 import SHAPES, nano_model, token_ids, transformers_model


def stepper(model, loss_of, fused, tokens):
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, **({"fused": True} if fused else {}))

    def run():
        loss = loss_of()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return {"tokens": tokens, "loss": loss.item(), "grad_norm": norm.item()}

    return run


def batch_of(parameters):
    vocabulary = SHAPES[parameters["model"]]["vocab_size"]
    return token_ids(vocabulary, parameters["batch"], parameters["length"])


def sft_step_nano(parameters):
    ids, model = batch_of(parameters), nano_model(parameters).train()

    def loss_of():
        logits = model.logits(model(ids)[:, :-1])
        return F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())

    return stepper(model, loss_of, True, ids.numel())


def sft_step_hf(parameters):
    ids, model = batch_of(parameters), transformers_model(parameters).train()
    model.config.use_cache = False
    fused = parameters.get("optimizer", "default") == "fused"
    return stepper(model, lambda: model(input_ids=ids, labels=ids).loss, fused, ids.numel())


MAKERS = {"sft_step_nano": sft_step_nano, "sft_step_hf": sft_step_hf}

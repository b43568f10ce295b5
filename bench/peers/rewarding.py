"""A reward model on rankings, written by hand: the K responses of a prompt go through the model once, as K rows."""
import torch
import torch.nn.functional as F

from models import nano_model, rows_of, shape_of
from training import adamw, update


def rankings_of(parameters):
    """For each prompt K texts, prompt and response, from best to worst."""
    prompts, k = parameters["prompts"], parameters["k"]
    prompt, response = parameters["prompt"], parameters["response"]
    rows = iter(rows_of(shape_of(parameters["model"]).vocabulary, ([prompt] + [response] * k) * prompts))
    rankings = []
    for _ in range(prompts):
        head = next(rows)
        rankings.append([head + next(rows) for _ in range(k)])
    return rankings


def scores_at_end(model, ids, lengths):
    return model.score(model(ids)[torch.arange(len(ids)), lengths - 1])[:, 0]


def ranking_loss(scores):
    """Mean over the C(K, 2) pairs of -log sigmoid(better - worse); scores from best to worst."""
    better, worse = torch.triu_indices(len(scores), len(scores), 1)
    return -F.logsigmoid(scores[better] - scores[worse]).mean()


def reward_kwise(parameters):
    batches = []
    for texts in rankings_of(parameters):
        lengths = torch.tensor([len(text) for text in texts])
        ids = torch.nn.utils.rnn.pad_sequence([torch.tensor(text) for text in texts], batch_first=True)
        batches.append((ids, lengths))
    model = nano_model(parameters["model"], parameters.get("directory"), scalar=True,
                       onednn=parameters.get("onednn", False)).train()
    optimizer = adamw(model, 9e-6)
    tokens = sum(int(lengths.sum()) for _, lengths in batches)

    def run():
        for ids, lengths in batches:
            loss = ranking_loss(scores_at_end(model, ids, lengths))
            loss.backward()
            norm = update(model, optimizer)
        return {"tokens": tokens, "units": len(batches), "loss": loss.item(), "grad_norm": norm}

    return run


MAKERS = {"reward_kwise": reward_kwise}

"""An iteration of PPO as in InstructGPT, written by hand: rollout, scoring, one epoch of minibatches.

The policy's log-probabilities are those of the sampler, logits are computed at response tokens only, all responses have
full length. With `texts` each minibatch adds the gradient of as many pretraining texts as it has episodes. Where
`responses` are given they stand in for those sampled, an iteration's each, for comparing results.
"""
import time

import torch
import torch.nn.functional as F

from models import nano_model, shape_of, token_ids
from rewarding import scores_at_end
from sampling import rollout
from training import adamw, next_token_loss, update

CLIP = 0.2
LAMBDA = 0.95


def response_log_probs(model, ids, prompt):
    logits = model.logits(model(ids)[:, prompt - 1 : -1])
    losses = F.cross_entropy(logits.flatten(0, 1), ids[:, prompt:].flatten(), reduction="none")
    return -losses.view(len(ids), -1)


def response_values(model, ids, prompt):
    """Of the states in which the response's tokens are chosen."""
    return model.score(model(ids)[:, prompt - 1 : -1])[..., 0]


def advantages_of(rewards, values):
    """Generalized advantage estimates without a discount, and the returns."""
    steps = rewards.shape[1]
    advantages, following = torch.zeros_like(rewards), torch.zeros(len(rewards))
    for step in reversed(range(steps)):
        next_value = values[:, step + 1] if step + 1 < steps else 0.0
        following = rewards[:, step] + next_value - values[:, step] + LAMBDA * following
        advantages[:, step] = following
    return advantages, advantages + values


def whitened(x):
    return (x - x.mean()) * torch.rsqrt(x.var() + 1e-8)


def policy_loss(log_probs, old, advantages):
    ratio = (log_probs - old).exp()
    return torch.max(-advantages * ratio, -advantages * ratio.clamp(1 - CLIP, 1 + CLIP)).mean()


def value_loss(values, old, returns):
    clipped = old + (values - old).clamp(-CLIP, CLIP)
    return 0.5 * torch.max((values - returns) ** 2, (clipped - returns) ** 2).mean()


def ppo_iteration(parameters):
    name, prompt, response = parameters["model"], parameters["prompt"], parameters["response"]
    episodes, minibatches = parameters["episodes"], parameters["minibatches"]
    beta, ptx_weight, rows = 0.02, 27.8, parameters.get("rows", 16)
    directories = parameters.get("directories", {})

    def model_of(role, scalar):
        return nano_model(name, directories.get(role), scalar, parameters.get("onednn", False))

    policy, reference = model_of("policy", False).train(), model_of("reference", False).eval()
    reward, value = model_of("reward", True).eval(), model_of("reward", True).train()
    optimizers = (policy, adamw(policy, 1e-5)), (value, adamw(value, 9e-6))
    vocabulary, size = shape_of(name).vocabulary, episodes // minibatches
    prompts = token_ids(vocabulary, episodes, prompt)
    lengths, ends = torch.full((episodes,), prompt), torch.full((episodes,), response)
    texts = token_ids(vocabulary, episodes, prompt + response) if parameters.get("texts") else None
    given = [torch.tensor(r) for r in parameters["responses"]] if "responses" in parameters else None

    def in_parts(function, ids):
        return torch.cat([function(part) for part in ids.split(rows)])

    def sampled():
        if given is None:
            responses, old = rollout(policy, prompts, lengths, ends, keeps_log_probs=True)
            return torch.cat((prompts, responses.clone()), 1), old.clone()
        ids = torch.cat((prompts, given.pop(0)), 1)
        with torch.no_grad():
            return ids, response_log_probs(policy, ids, prompt)

    def run():
        marks = [time.perf_counter()]
        ids, old = sampled()
        marks.append(time.perf_counter())

        with torch.no_grad():
            log_ratio = old - in_parts(lambda part: response_log_probs(reference, part, prompt), ids)
            whole = torch.full((rows,), ids.shape[1])
            scores = in_parts(lambda part: scores_at_end(reward, part, whole[: len(part)]), ids)
            values = in_parts(lambda part: response_values(value, part, prompt), ids)
            rewards = -beta * log_ratio
            rewards[:, -1] += scores
            advantages, returns = advantages_of(rewards, values)
            advantages = whitened(advantages)
        marks.append(time.perf_counter())

        figures = []
        for index, chosen in enumerate(torch.randperm(episodes).split(size)):
            loss = policy_loss(response_log_probs(policy, ids[chosen], prompt), old[chosen], advantages[chosen])
            loss.backward()
            text_loss = None
            if texts is not None:
                text_loss = next_token_loss(policy, texts[index * size : (index + 1) * size])
                (ptx_weight * text_loss).backward()
            fit = value_loss(response_values(value, ids[chosen], prompt), values[chosen], returns[chosen])
            fit.backward()
            norms = [update(model, optimizer) for model, optimizer in optimizers]
            figures.append([loss.item(), fit.item(), *norms, 0.0 if text_loss is None else text_loss.item()])
        marks.append(time.perf_counter())

        policy_mean, value_mean, policy_norm, value_norm, text_mean = torch.tensor(figures).mean(0).tolist()
        rollout_ms, scoring_ms, update_ms = (1e3 * (b - a) for a, b in zip(marks, marks[1:]))
        return {"tokens": ids.numel(), "kl": log_ratio.sum(1).mean().item(), "score": scores.mean().item(),
                "policy_loss": policy_mean, "value_loss": value_mean, "policy_grad_norm": policy_norm,
                "value_grad_norm": value_norm, "text_loss": text_mean,
                "rollout_ms": rollout_ms, "scoring_ms": scoring_ms, "update_ms": update_ms}

    return run


MAKERS = {"ppo_iteration": ppo_iteration}

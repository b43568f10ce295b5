"""What the machine can do at most: a product of matrices, and a copy of memory in all threads."""
import torch
import torch.nn.functional as F

from models import onednn


def product(parameters):
    rows, inner, columns = parameters["product"]
    x, weight = torch.full((rows, inner), 0.5), torch.full((columns, inner), 0.5)
    multiply = onednn if parameters.get("onednn") else F.linear

    @torch.inference_mode()
    def run():
        multiply(x, weight)
        return {"tokens": 0, "flops": 2 * rows * inner * columns}

    return run


def copy(parameters):
    source = torch.ones(parameters["bytes"] // 4)
    target = torch.zeros_like(source)

    def run():
        target.copy_(source)
        return {"tokens": 0, "moved": 8 * source.numel()}

    return run


MAKERS = {"product": product, "copy": copy}

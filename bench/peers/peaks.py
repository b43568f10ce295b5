"""What the machine can do at most: products of matrices, and a copy of memory in all threads."""
import torch
import torch.nn.functional as F

from models import Linear, onednn


def product(parameters):
    rows, inner, columns = parameters["product"]
    x, weight = torch.full((rows, inner), 0.5), torch.full((columns, inner), 0.5)
    multiply = onednn if parameters.get("onednn") else F.linear

    @torch.inference_mode()
    def run():
        multiply(x, weight)
        return {"tokens": 0, "flops": 2 * rows * inner * columns}

    return run


def few_rows(parameters):
    """16 rows through 24 matrices, more than caches hold; with `onednn` reordered for so many rows, as when decoding."""
    rows, narrow, wide, passes = 16, 768, 3072, 16
    layers = [layer for _ in range(12) for layer in (Linear(narrow, wide, bias=False), Linear(wide, narrow, bias=False))]
    x = torch.ones(rows, narrow)
    if parameters.get("onednn"):
        for layer in layers:
            layer.reorder(rows)

    @torch.inference_mode()
    def run():
        for _ in range(passes):
            y = x
            for layer in layers:
                y = layer(y)
        return {"tokens": 0, "moved": passes * 4 * sum(layer.weight.numel() for layer in layers)}

    return run


def copy(parameters):
    source = torch.ones(parameters["bytes"] // 4)
    target = torch.zeros_like(source)

    def run():
        target.copy_(source)
        return {"tokens": 0, "moved": 8 * source.numel()}

    return run


MAKERS = {"product": product, "few_rows": few_rows, "copy": copy}

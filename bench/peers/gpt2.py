"""GPT-2 with nothing between the caller and the kernels ("nano"), the same model in transformers, and token ids."""
import torch
import torch.nn.functional as F
from torch import nn

# The shapes of bench/alignkit/models.ts.
SHAPES = {
    "gpt2-tiny": dict(vocab_size=128, n_positions=128, n_embd=64, n_layer=2, n_head=4),
    "gpt2-5m": dict(vocab_size=8192, n_positions=1024, n_embd=256, n_layer=4, n_head=4),
    "gpt2-124m": dict(vocab_size=50257, n_positions=1024, n_embd=768, n_layer=12, n_head=12),
}
SEED = 0


def token_ids(vocabulary, batch, length):
    """Ids in 1 .. vocabulary - 1 by a hash of their position, as in bench/alignkit/models.ts."""

    def mixed(index):
        h = (index + 1) * 2654435761 & 0xFFFFFFFF
        h = (h ^ h >> 15) * 2246822519 & 0xFFFFFFFF
        return h ^ h >> 13

    return torch.tensor([1 + mixed(i) % (vocabulary - 1) for i in range(batch * length)]).view(batch, length)


def onednn(x, weight, bias=None):
    """x @ weight.T + bias through oneDNN. F.linear in fp32 goes to MKL, which is slower on some processors."""
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")


class OneDNNLinear(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias):
        ctx.save_for_backward(x, weight)
        ctx.biased = bias is not None
        return onednn(x, weight, bias)

    @staticmethod
    def backward(ctx, gradient):
        x, weight = ctx.saved_tensors
        rows, gradient_rows = x.flatten(0, -2), gradient.flatten(0, -2)
        by_weight = onednn(gradient_rows.t(), rows.t())
        return onednn(gradient, weight.t()), by_weight, gradient_rows.sum(0) if ctx.biased else None


class Linear(nn.Linear):
    """The three ways to multiply: F.linear; oneDNN, for training; oneDNN on reordered weights, for few rows."""

    through_onednn = False
    reordered = None

    def forward(self, x):
        if self.reordered is not None:
            return onednn(x, self.reordered, self.bias)
        if self.through_onednn:
            return OneDNNLinear.apply(x, self.weight, self.bias)
        return F.linear(x, self.weight, self.bias)

    def reorder(self, rows):
        self.reordered = torch.ops.mkldnn._reorder_linear_weight(self.weight.detach(), rows) if rows else None


class Layer(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.attention_norm, self.mlp_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query_key_value, self.attention_output = Linear(width, 3 * width), Linear(width, width)
        self.up, self.down = Linear(width, 4 * width), Linear(4 * width, width)

    def heads_of(self, x):
        """Queries, keys and values, each [B, H, T, Dh]."""
        batch, time, width = x.shape
        fused = self.query_key_value(self.attention_norm(x))
        return (part.view(batch, time, self.heads, -1).transpose(1, 2) for part in fused.split(width, -1))

    def after_attention(self, x, attended):
        x = x + self.attention_output(attended.transpose(1, 2).reshape(x.shape))
        return x + self.down(F.gelu(self.up(self.mlp_norm(x)), approximate="tanh"))


class Nano(nn.Module):
    """The output head is the token embedding."""

    def __init__(self, vocab_size, n_positions, n_embd, n_layer, n_head, through_onednn=False):
        super().__init__()
        self.width, self.head_count = n_embd, n_head
        self.tokens, self.positions = nn.Embedding(vocab_size, n_embd), nn.Embedding(n_positions, n_embd)
        self.layers = nn.ModuleList(Layer(n_embd, n_head) for _ in range(n_layer))
        self.final_norm = nn.LayerNorm(n_embd)
        self.through_onednn, self.reordered_head = through_onednn, None
        for module in self.linears():
            module.through_onednn = through_onednn
        nn.init.normal_(self.tokens.weight, std=0.02)
        nn.init.normal_(self.positions.weight, std=0.02)

    def linears(self):
        return [module for module in self.modules() if isinstance(module, Linear)]

    def forward(self, ids):
        """Hidden states after the final norm, [B, T, D]."""
        x = self.tokens(ids) + self.positions.weight[: ids.shape[1]]
        for layer in self.layers:
            queries, keys, values = layer.heads_of(x)
            attended = F.scaled_dot_product_attention(queries, keys, values, is_causal=True)
            x = layer.after_attention(x, attended)
        return self.final_norm(x)

    def logits(self, hidden):
        if self.through_onednn:
            return OneDNNLinear.apply(hidden, self.tokens.weight, None)
        return F.linear(hidden, self.tokens.weight)

    def reorder(self, rows):
        """Reorders the weights for steps of `rows` rows; 0 forgets that again."""
        for linear in self.linears():
            linear.reorder(rows)
        weight = self.tokens.weight.detach()
        self.reordered_head = torch.ops.mkldnn._reorder_linear_weight(weight, rows) if rows else None

    def new_cache(self, batch, length):
        """Keys and values of each layer, to be filled in place."""
        return [torch.empty(2, batch, self.head_count, length, self.width // self.head_count) for _ in self.layers]

    def extend(self, ids, cache, start):
        """Logits after the last of `ids`, which stand at `start` and after."""
        end = start + ids.shape[1]
        x = self.tokens(ids) + self.positions.weight[start:end]
        for layer, (all_keys, all_values) in zip(self.layers, cache):
            queries, keys, values = layer.heads_of(x)
            all_keys[:, :, start:end], all_values[:, :, start:end] = keys, values
            attended = F.scaled_dot_product_attention(
                queries, all_keys[:, :, :end], all_values[:, :, :end], is_causal=ids.shape[1] > 1)
            x = layer.after_attention(x, attended)
        last = self.final_norm(x[:, -1])
        return self.logits(last) if self.reordered_head is None else onednn(last, self.reordered_head)


def transformers_model(parameters):
    """As most people have it: `from_config`, or `from_pretrained` where a directory is given."""
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    settings = dict(attn_implementation="sdpa", dtype=torch.float32)
    if "directory" in parameters:
        return transformers.AutoModelForCausalLM.from_pretrained(parameters["directory"], **settings)
    torch.manual_seed(SEED)
    config = transformers.GPT2Config(
        **SHAPES[parameters["model"]], resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
        bos_token_id=0, eos_token_id=0, pad_token_id=0)
    return transformers.AutoModelForCausalLM.from_config(config, **settings)


def nano_model(parameters):
    torch.manual_seed(SEED)
    model = Nano(**SHAPES[parameters["model"]], through_onednn=parameters.get("onednn", False))
    if "directory" in parameters:
        copy_weights(transformers_model(parameters).transformer, model)
    return model


@torch.no_grad()
def copy_weights(source, target):
    """From transformers' GPT2Model."""
    target.tokens.load_state_dict(source.wte.state_dict())
    target.positions.load_state_dict(source.wpe.state_dict())
    target.final_norm.load_state_dict(source.ln_f.state_dict())
    for theirs, ours in zip(source.h, target.layers, strict=True):
        ours.attention_norm.load_state_dict(theirs.ln_1.state_dict())
        ours.mlp_norm.load_state_dict(theirs.ln_2.state_dict())
        pairs = [(theirs.attn.c_attn, ours.query_key_value), (theirs.attn.c_proj, ours.attention_output),
                 (theirs.mlp.c_fc, ours.up), (theirs.mlp.c_proj, ours.down)]
        for convolution, linear in pairs:
            linear.weight.copy_(convolution.weight.t())
            linear.bias.copy_(convolution.bias)

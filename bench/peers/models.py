"""GPT-2 and Llama with nothing between the caller and the kernels ("nano"), the same in transformers, and token ids."""
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

# Fields of config.json, as in bench/alignkit/models.ts.
GPT2 = dict(model_type="gpt2", resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0)
LLAMA = dict(model_type="llama", rms_norm_eps=1e-5, tie_word_embeddings=True)
CONFIGS = {
    "gpt2-tiny": dict(GPT2, vocab_size=128, n_positions=128, n_embd=64, n_layer=2, n_head=4),
    "gpt2-5m": dict(GPT2, vocab_size=8192, n_positions=1024, n_embd=256, n_layer=4, n_head=4),
    "gpt2-124m": dict(GPT2, vocab_size=50257, n_positions=1024, n_embd=768, n_layer=12, n_head=12),
    "llama-tiny": dict(LLAMA, vocab_size=128, max_position_embeddings=128, hidden_size=64, num_hidden_layers=2,
                       num_attention_heads=4, num_key_value_heads=2, intermediate_size=96),
    "llama-135m": dict(LLAMA, vocab_size=49152, max_position_embeddings=2048, hidden_size=576, num_hidden_layers=30,
                       num_attention_heads=9, num_key_value_heads=3, intermediate_size=1536),
}
ROTARY_BASE = 10000.0
SEED = 0


@dataclass(frozen=True)
class Shape:
    is_gpt2: bool
    vocabulary: int
    positions: int
    width: int
    layers: int
    heads: int
    key_value_heads: int
    inner: int

    @property
    def head_width(self):
        return self.width // self.heads

    @property
    def group(self):
        """Query heads that share a head of keys and values."""
        return self.heads // self.key_value_heads


def shape_of(name):
    config = CONFIGS[name]
    if config["model_type"] == "gpt2":
        width, heads = config["n_embd"], config["n_head"]
        return Shape(True, config["vocab_size"], config["n_positions"], width, config["n_layer"], heads, heads,
                     4 * width)
    return Shape(False, config["vocab_size"], config["max_position_embeddings"], config["hidden_size"],
                 config["num_hidden_layers"], config["num_attention_heads"], config["num_key_value_heads"],
                 config["intermediate_size"])


def token_ids(vocabulary, batch, length):
    """Ids in 1 .. vocabulary - 1 by a hash of their position, as in bench/alignkit/models.ts."""

    def mixed(index):
        h = (index + 1) * 2654435761 & 0xFFFFFFFF
        h = (h ^ h >> 15) * 2246822519 & 0xFFFFFFFF
        return h ^ h >> 13

    return torch.tensor([1 + mixed(i) % (vocabulary - 1) for i in range(batch * length)]).view(batch, length)


def rows_of(vocabulary, lengths):
    """Lists of ids of these lengths; as `tokenRows` in bench/alignkit/models.ts."""
    ids = token_ids(vocabulary, 1, sum(lengths))[0]
    return [row.tolist() for row in ids.split(list(lengths))]


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


def norm_of(shape):
    return nn.LayerNorm(shape.width) if shape.is_gpt2 else nn.RMSNorm(shape.width, eps=LLAMA["rms_norm_eps"])


def rotated(x, rotation):
    first, second = x.chunk(2, -1)
    cosine, sine = rotation
    return x * cosine + torch.cat((-second, first), -1) * sine


class Layer(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.shape, biased = shape, shape.is_gpt2
        key_width = shape.key_value_heads * shape.head_width
        self.parts = [shape.width, key_width, key_width]
        self.attention_norm, self.mlp_norm = norm_of(shape), norm_of(shape)
        self.query_key_value = Linear(shape.width, sum(self.parts), bias=biased)
        self.attention_output = Linear(shape.width, shape.width, bias=biased)
        self.up = Linear(shape.width, shape.inner if shape.is_gpt2 else 2 * shape.inner, bias=biased)
        self.down = Linear(shape.inner, shape.width, bias=biased)

    def heads_of(self, x, rotation):
        """Queries [B, H, T, Dh]; keys and values with as many heads as they have."""
        batch, time, _ = x.shape
        fused = self.query_key_value(self.attention_norm(x)).split(self.parts, -1)
        queries, keys, values = (part.view(batch, time, -1, self.shape.head_width).transpose(1, 2) for part in fused)
        return (queries, keys, values) if rotation is None else (rotated(queries, rotation), rotated(keys, rotation), values)

    def after_attention(self, x, attended):
        x = x + self.attention_output(attended.transpose(1, 2).reshape(x.shape))
        inner = self.up(self.mlp_norm(x))
        if self.shape.is_gpt2:
            return x + self.down(F.gelu(inner, approximate="tanh"))
        gate, inner = inner.chunk(2, -1)
        return x + self.down(F.silu(gate) * inner)


class Nano(nn.Module):
    """The output head is the token embedding; with `scalar` there is one of a single number besides."""

    def __init__(self, shape, scalar=False, through_onednn=False):
        super().__init__()
        self.shape, self.through_onednn, self.reordered_head = shape, through_onednn, None
        self.tokens = nn.Embedding(shape.vocabulary, shape.width)
        self.positions = nn.Embedding(shape.positions, shape.width) if shape.is_gpt2 else None
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.final_norm = norm_of(shape)
        self.score = nn.Linear(shape.width, 1, bias=False) if scalar else None
        for linear in self.linears():
            linear.through_onednn = through_onednn
        nn.init.normal_(self.tokens.weight, std=0.02)
        if self.positions is not None:
            nn.init.normal_(self.positions.weight, std=0.02)
        else:
            rates = ROTARY_BASE ** (-torch.arange(0, shape.head_width, 2) / shape.head_width)
            angles = torch.outer(torch.arange(shape.positions), rates).repeat(1, 2)
            self.register_buffer("cosine", angles.cos(), persistent=False)
            self.register_buffer("sine", angles.sin(), persistent=False)

    def linears(self):
        return [module for module in self.modules() if isinstance(module, Linear)]

    def embed(self, ids, places):
        """Embeddings of `ids` at `places`, [T] or [B, T], and what rotates their queries and keys."""
        if self.positions is not None:
            return self.tokens(ids) + self.positions(places), None
        rotation = (self.cosine[places], self.sine[places])
        return self.tokens(ids), tuple(part.unsqueeze(1) for part in rotation) if places.dim() == 2 else rotation

    def forward(self, ids):
        """Hidden states after the final norm, [B, T, D]; padding on the right needs no mask."""
        x, rotation = self.embed(ids, torch.arange(ids.shape[1]))
        group = self.shape.group
        for layer in self.layers:
            queries, keys, values = layer.heads_of(x, rotation)
            if group > 1:
                keys, values = keys.repeat_interleave(group, 1), values.repeat_interleave(group, 1)
            attended = F.scaled_dot_product_attention(queries, keys, values, is_causal=True)
            x = layer.after_attention(x, attended)
        return self.final_norm(x)

    def logits(self, hidden):
        if self.through_onednn:
            return OneDNNLinear.apply(hidden, self.tokens.weight, None)
        return F.linear(hidden, self.tokens.weight)

    def reorder(self, rows):
        """Reorders the weights for steps of `rows` rows; 0 forgets that again, as training must."""
        for linear in self.linears():
            linear.reorder(rows)
        weight = self.tokens.weight.detach()
        self.reordered_head = torch.ops.mkldnn._reorder_linear_weight(weight, rows) if rows else None

    def new_cache(self, batch, length):
        """Keys and values of each layer, to be filled in place; zeros, since masked slots are read."""
        shape = (2, batch, self.shape.key_value_heads, length, self.shape.head_width)
        return [torch.zeros(shape) for _ in self.layers]

    def extend(self, ids, cache, start, places=None, mask=None):
        """Logits after the last of `ids`, which stand in the columns from `start`."""
        (batch, time), shape = ids.shape, self.shape
        end = start + time
        x, rotation = self.embed(ids, torch.arange(start, end) if places is None else places)
        for layer, (all_keys, all_values) in zip(self.layers, cache, strict=True):
            queries, keys, values = layer.heads_of(x, rotation)
            all_keys[:, :, start:end], all_values[:, :, start:end] = keys, values
            keys, values = all_keys[:, :, :end], all_values[:, :, :end]
            if shape.group > 1 and time == 1:  # Query heads of one key head become its query rows.
                queries = queries.reshape(batch, shape.key_value_heads, shape.group, shape.head_width)
            elif shape.group > 1:
                keys, values = keys.repeat_interleave(shape.group, 1), values.repeat_interleave(shape.group, 1)
            attended = F.scaled_dot_product_attention(
                queries, keys, values, attn_mask=mask, is_causal=mask is None and time > 1)
            x = layer.after_attention(x, attended.reshape(batch, shape.heads, time, shape.head_width))
        last = self.final_norm(x[:, -1])
        return self.logits(last) if self.reordered_head is None else onednn(last, self.reordered_head)


def transformers_model(name, directory=None, scalar=False):
    """As most people have it: `from_config`, or `from_pretrained` where a directory is given."""
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    settings = dict(attn_implementation="sdpa", dtype=torch.float32)
    kind = transformers.AutoModelForSequenceClassification if scalar else transformers.AutoModelForCausalLM
    if directory is not None:
        model = kind.from_pretrained(directory, **settings, **(dict(num_labels=1) if scalar else {}))
        model.config.pad_token_id = 0
        return model
    torch.manual_seed(SEED)
    fields = dict(CONFIGS[name], bos_token_id=0, eos_token_id=0, pad_token_id=0)
    config = transformers.AutoConfig.for_model(**fields, **(dict(num_labels=1) if scalar else {}))
    return kind.from_config(config, **settings)


def nano_model(name, directory=None, scalar=False, onednn=False):
    torch.manual_seed(SEED)
    model = Nano(shape_of(name), scalar, onednn)
    if directory is not None:
        source = transformers_model(name, directory, scalar)
        copy_weights(source.transformer if model.shape.is_gpt2 else source.model, model)
        if scalar:
            model.score.load_state_dict(source.score.state_dict())
    return model


@torch.no_grad()
def copy_weights(source, target):
    """From transformers' GPT2Model or LlamaModel."""
    is_gpt2 = target.shape.is_gpt2

    def put(linear, *parts):
        if is_gpt2:  # Its convolutions keep their weights transposed.
            linear.weight.copy_(parts[0].weight.t())
            linear.bias.copy_(parts[0].bias)
        else:
            linear.weight.copy_(torch.cat([part.weight for part in parts]))

    target.tokens.load_state_dict((source.wte if is_gpt2 else source.embed_tokens).state_dict())
    if is_gpt2:
        target.positions.load_state_dict(source.wpe.state_dict())
    target.final_norm.load_state_dict((source.ln_f if is_gpt2 else source.norm).state_dict())
    for theirs, ours in zip(source.h if is_gpt2 else source.layers, target.layers, strict=True):
        norms = (theirs.ln_1, theirs.ln_2) if is_gpt2 else (theirs.input_layernorm, theirs.post_attention_layernorm)
        ours.attention_norm.load_state_dict(norms[0].state_dict())
        ours.mlp_norm.load_state_dict(norms[1].state_dict())
        attention, mlp = (theirs.attn, theirs.mlp) if is_gpt2 else (theirs.self_attn, theirs.mlp)
        if is_gpt2:
            put(ours.query_key_value, attention.c_attn)
            put(ours.attention_output, attention.c_proj)
            put(ours.up, mlp.c_fc)
            put(ours.down, mlp.c_proj)
        else:
            put(ours.query_key_value, attention.q_proj, attention.k_proj, attention.v_proj)
            put(ours.attention_output, attention.o_proj)
            put(ours.up, mlp.gate_proj, mlp.up_proj)
            put(ours.down, mlp.down_proj)

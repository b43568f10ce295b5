"""TRL's trainers on data that is tokenized already: their defaults, without what only costs time here.

Left out are gradient checkpointing, bf16, logging and saving. `ms` spans the first fetch of a batch to the end of the
last step.
"""
import itertools
import tempfile
import time

import torch

from models import CONFIGS, rows_of, shape_of, transformers_model
from rewarding import rankings_of


def tokenizer_of(vocabulary):
    """Stands in for a tokenizer: the trainers ask it for the special tokens only."""
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    words = {"<end>": 0, **{f"word{i}": i for i in range(1, vocabulary)}}
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.WordLevel(words, unk_token="<end>")), eos_token="<end>", pad_token="<end>")


def shared_settings():
    return dict(output_dir=tempfile.mkdtemp(), use_cpu=True, bf16=False, gradient_checkpointing=False,
                num_train_epochs=1, save_strategy="no", logging_strategy="no", report_to="none", disable_tqdm=True,
                dataloader_pin_memory=False, max_grad_norm=1.0, optim="adamw_torch_fused")


def stopwatch():
    from transformers import TrainerCallback

    class Stopwatch(TrainerCallback):
        def on_epoch_begin(self, *_, **__):
            self.marks = [time.perf_counter()]

        def on_step_end(self, *_, **__):
            self.marks.append(time.perf_counter())

    return Stopwatch()


def epoch_of(trainer, watch, tokens, units):
    def run():
        loss = trainer.train().training_loss
        return {"ms": 1e3 * (watch.marks[-1] - watch.marks[0]), "tokens": tokens, "units": units, "loss": loss}

    return run


def sft_trl(parameters):
    """One epoch over chats; `packing` puts them into rows of `row` tokens, one row a step.

    TRL warns that only flash attention is known to keep packed texts apart; with sdpa transformers makes a mask from the
    position ids, which the selftest checks.
    """
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    name, chats, packing = parameters["model"], parameters["chats"], parameters.get("packing", False)
    vocabulary = shape_of(name).vocabulary
    rows = rows_of(vocabulary, [prompt + completion for prompt, completion in chats])
    data = Dataset.from_list([
        {"input_ids": ids, "completion_mask": [0] * prompt + [1] * completion}
        for ids, (prompt, completion) in zip(rows, chats, strict=True)])
    watch = stopwatch()
    settings = SFTConfig(
        **shared_settings(), per_device_train_batch_size=1 if packing else parameters["batch"], packing=packing,
        completion_only_loss=True, max_length=parameters["row"] if packing else None)
    model = transformers_model(name, parameters.get("directory"))
    model.config.use_cache = False
    trainer = SFTTrainer(model=model, args=settings, train_dataset=data, processing_class=tokenizer_of(vocabulary),
                         callbacks=[watch])
    return epoch_of(trainer, watch, sum(map(len, rows)), len(chats))


def reward_trl(parameters):
    """All pairs of a prompt's responses are one batch, so that each prompt is one step, as elsewhere."""
    from datasets import Dataset
    from trl import RewardConfig, RewardTrainer

    name, rankings = parameters["model"], rankings_of(parameters)
    pairs = [{"chosen_ids": better, "rejected_ids": worse}
             for texts in rankings for better, worse in itertools.combinations(texts, 2)]
    watch = stopwatch()
    settings = RewardConfig(
        **shared_settings(), per_device_train_batch_size=len(pairs) // len(rankings), max_length=None,
        disable_dropout=True, train_sampling_strategy="sequential")
    model = transformers_model(name, parameters.get("directory"), scalar=True)
    model.config.use_cache = False
    trainer = RewardTrainer(model=model, args=settings, train_dataset=Dataset.from_list(pairs),
                            processing_class=tokenizer_of(CONFIGS[name]["vocab_size"]), callbacks=[watch])
    return epoch_of(trainer, watch, sum(len(text) for texts in rankings for text in texts), len(rankings))


MAKERS = {"sft_trl": sft_trl, "reward_trl": reward_trl}

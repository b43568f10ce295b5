/** The pipeline that `alignkit init` writes. */
export const examplePipeline = `# From a language model to an aligned one, as in InstructGPT.
#
#   alignkit run pipeline.yaml --dry-run     check it, see every default, memory and steps
#   alignkit run pipeline.yaml               run it; Ctrl-C stops after the step
#   alignkit run pipeline.yaml --resume      go on
#
# Paths start at this file. "alignkit sft --help" lists the keys of a stage's config, "alignkit plugins" the stages.

seed: 0
backend: onnx            # onnx:cuda, onnx:webgpu, reference
output_dir: run          # config, metrics.jsonl, checkpoints, artifacts/<stage>.<output>, report.html
# plugins: ["./my-stage.js"]

stages:
  # 1. A tiny model from nothing, so that the example runs in seconds. With a model of your own (a Hugging Face
  #    directory with config.json, model.safetensors, tokenizer.json) leave this stage out, and give the next one
  #      inputs: { init: { path: ../path/to/model } }
  - use: pretrain
    config:
      tokenizer: tokenizer
      model: { model_type: gpt2, n_layer: 2, n_head: 2, n_embd: 32, n_positions: 64 }
      train_files: data/texts.jsonl              # {text}
      per_device_train_batch_size: 8
      max_steps: 40
      learning_rate: 3.0e-3

  # 2. Supervised fine-tuning; its input "init" is the nearest earlier policy.
  - use: sft
    config:
      train_files: data/demonstrations.jsonl     # {prompt, completion}; or {messages}, see data/conversations.jsonl
      per_device_train_batch_size: 8
      max_steps: 40
      learning_rate: 3.0e-3

  # 3. The reward model, from the fine-tuned one.
  - use: reward
    config:
      train_files: data/rankings.jsonl           # {prompt, responses, ranks}; or pairs, see data/preferences.jsonl
      demonstration_files: data/demonstrations.jsonl   # will score 0 on average
      per_device_train_batch_size: 8
      max_steps: 20
      learning_rate: 1.0e-3

  # 4. PPO. With ptx_files it is PPO-ptx: the loss on raw text is mixed in, so that less is forgotten.
  - use: ppo
    inputs:
      init: sft.policy                           # stage.output
      rewardModel: reward.rewardModel
    config:
      prompt_files: [data/prompts.jsonl]         # {prompt}
      ptx_files: [data/texts.jsonl]
      total_episodes: 128
      batch_size: 32
      num_mini_batches: 2
      response_length: 8
      ptx_ratio: 1
      learning_rate: 1.0e-4
`;

import { expect, it } from "vitest";
import { formatConfigJson } from "./config-json.js";

it("spells numbers as Python does", () => {
  const text = formatConfigJson({
    layer_norm_epsilon: 1e-5,
    adam_eps: 1.5e-10,
    initializer_range: 0.02,
    attention_dropout: 0,
    attention_bias: false,
    hidden_size: 64,
    rope_parameters: { rope_theta: 10_000, factor: 0.0001 },
    reward_bias: -2,
    text: '"rope_theta": 1',
  });
  expect(text).toBe(`{
  "layer_norm_epsilon": 1e-05,
  "adam_eps": 1.5e-10,
  "initializer_range": 0.02,
  "attention_dropout": 0.0,
  "attention_bias": false,
  "hidden_size": 64,
  "rope_parameters": {
    "rope_theta": 10000.0,
    "factor": 0.0001
  },
  "reward_bias": -2.0,
  "text": "\\"rope_theta\\": 1"
}
`);
});

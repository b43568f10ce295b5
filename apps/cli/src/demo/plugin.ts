import { definePlugin, type Plugin } from "@alignkit/core";
import { evaluationStage } from "./evaluation-stage.js";
import { rankingStage } from "./ranking-stage.js";
import { tokenizerStage } from "./tokenizer-stage.js";
import { worldStage } from "./world-stage.js";

/** The demo's own stages: `world`, `tokenizer`, `rank`, `evaluate`. A plugin like any user's. */
export function demo(): Plugin {
  return definePlugin({ name: "demo", stages: [worldStage, tokenizerStage, rankingStage, evaluationStage] });
}

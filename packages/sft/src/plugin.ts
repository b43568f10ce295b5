import { definePlugin, type Plugin } from "@alignkit/core";
import { pretrainStage } from "./pretrain-stage.js";
import { sftStage } from "./stage.js";

/** The stages `pretrain` and `sft`. */
export function sft(): Plugin {
  return definePlugin({ name: "sft", stages: [pretrainStage, sftStage] });
}

import { definePlugin, type Plugin } from "@alignkit/core";
import { rewardStage } from "./stage.js";

/** The stage `reward`. */
export function reward(): Plugin {
  return definePlugin({ name: "reward", stages: [rewardStage] });
}

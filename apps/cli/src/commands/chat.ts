import type { Command } from "commander";
import { backendOption, pluginOption } from "../options/run-options.js";
import { addSamplingOptions, type SamplingFlags } from "../options/sampling-options.js";
import { addVerb, debugOption, type Session } from "../session.js";

/** As commander gives them. */
export interface ChatFlags extends SamplingFlags {
  readonly model: string;
  readonly system?: string;
  readonly raw?: true;
  readonly backend?: string;
  readonly plugin?: readonly string[];
}

/** `alignkit chat` */
export function addChat(program: Command, session: Session): void {
  const command = addVerb(program, "chat", "Talks with a language model", [
    "chat --model runs/demo/artifacts/ppo.policy",
    "chat --model DIR --raw --temperature 0",
    "chat --model DIR < questions.txt",
  ])
    .requiredOption("--model <directory>", "a language model")
    .option("--system <text>", "what stands before the conversation")
    .option("--raw", "continue each line as it is, without a conversation around it");
  addSamplingOptions(command)
    .addOption(backendOption())
    .addOption(pluginOption())
    .option(...debugOption)
    .action(async (flags: ChatFlags) => {
      const { chat } = await import("../inference/chat.js");
      await chat(session, flags);
    });
}

/** How much of everything; both arms share all of it. */

export interface Settings {
  readonly learningRates: readonly number[];
  readonly epochs: number;
  /** Prompts of an update of the K-wise arm; the other arm takes as many updates. */
  readonly promptsPerUpdate: number;
  readonly evaluationsPerEpoch: number;
  /** Training prompts of the demo world. */
  readonly demoPrompts: number;
  /** Share of the conversation trees that is held out. */
  readonly heldOutTrees: number;
  /** Tokens of a prompt and a response out of the trees; what is longer is cut. */
  readonly treeTokens: number;
  /** Characters kept of the end of such a prompt. */
  readonly treePromptCharacters: number;
}

export const fullSettings: Settings = {
  learningRates: [3e-4, 1e-3, 3e-3],
  epochs: 3,
  promptsPerUpdate: 8,
  evaluationsPerEpoch: 4,
  demoPrompts: 384,
  heldOutTrees: 0.3,
  treeTokens: 128,
  treePromptCharacters: 120,
};

/** For the test: seconds, and no result worth reading. */
export const tinySettings: Settings = {
  ...fullSettings,
  learningRates: [1e-3],
  epochs: 2,
  promptsPerUpdate: 2,
  evaluationsPerEpoch: 2,
  demoPrompts: 6,
  heldOutTrees: 0.5,
  treeTokens: 64,
};

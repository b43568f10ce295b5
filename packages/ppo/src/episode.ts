import type { SamplingMask } from "@alignkit/models";

/** A prompt and what the policy answered. */
export interface Episode {
  /** `[P]` */
  readonly promptIds: Int32Array;
  /** `[R]`, at least one: the tokens that were sampled and are learned. */
  readonly responseIds: Int32Array;
  /** Whether the response ended with a stop token, rather than at the length limit. */
  readonly finished: boolean;
  /** Tokens of the response that are scored, where the text is cut at a stop token but all is learned; default R. */
  readonly scoredLength?: number;
  /** Which tokens could be drawn at each place, `[R]`, where top-k or top-p cut; every log-probability is among them. */
  readonly masks?: readonly SamplingMask[];
  /**
   * Whether there is a step after the last token: its state has a value, and it receives the score, as in N+, where that
   * is the first padding token.
   */
  readonly stepAfterEnd?: boolean;
}

/** Steps that have a value and a reward: the tokens, and in N+ the one after them. */
export const stepsOf = ({ responseIds, stepAfterEnd = false }: Episode): number =>
  responseIds.length + (stepAfterEnd ? 1 : 0);

/** As it is scored: cut where its text ends. */
export function scoredPart(episode: Episode): Episode {
  const { responseIds, scoredLength } = episode;
  return scoredLength === undefined || scoredLength === responseIds.length
    ? episode
    : { ...episode, responseIds: responseIds.subarray(0, scoredLength) };
}

/** An episode with all that the losses need. */
export interface TrainingEpisode extends Episode {
  /** Log-probabilities at the time of the rollout, nats, `[R]`. */
  readonly oldLogProbs: ArrayLike<number>;
  /** Values at the time of the rollout, of the state before each step, `[S]`; as many as tokens, one more where `stepAfterEnd`. */
  readonly oldValues: ArrayLike<number>;
  /** `[R]` */
  readonly advantages: ArrayLike<number>;
  /** `[S]` */
  readonly returns: ArrayLike<number>;
}

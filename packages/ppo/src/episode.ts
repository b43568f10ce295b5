/** A prompt and what the policy answered. */
export interface Episode {
  /** `[P]` */
  readonly promptIds: Int32Array;
  /** `[R]`, at least one; ends with the stop token if the policy gave one. */
  readonly responseIds: Int32Array;
  /** Whether the response ended with a stop token, rather than at the length limit. */
  readonly finished: boolean;
}

/** An episode with all that the losses need; one number per response token. */
export interface TrainingEpisode extends Episode {
  /** Log-probabilities at the time of the rollout, nats. */
  readonly oldLogProbs: ArrayLike<number>;
  /** Values at the time of the rollout, of the state before each token. */
  readonly oldValues: ArrayLike<number>;
  readonly advantages: ArrayLike<number>;
  readonly returns: ArrayLike<number>;
}

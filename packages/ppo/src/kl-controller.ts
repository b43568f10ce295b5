/** How the KL coefficient follows the measured KL. */
export type KlControl =
  | { readonly type: "fixed" }
  | {
      readonly type: "adaptive";
      /** KL per episode to hold, nats. */
      readonly target: number;
      /** Episodes after which an error of 1, were it not limited to 0.2, has changed the coefficient by a factor of e. */
      readonly horizon: number;
    };

/**
 * The coefficient after a batch.
 * @param kl - mean KL per episode of the batch, nats
 * @param episodes - in the batch
 * @see Ziegler et al. 2019, section 2.2
 */
export function nextKlCoefficient(
  coefficient: number,
  control: KlControl,
  kl: number,
  episodes: number,
): number {
  if (control.type === "fixed") return coefficient;
  const error = Math.max(-0.2, Math.min(0.2, kl / control.target - 1));
  return coefficient * (1 + (error * episodes) / control.horizon);
}

/**
 * Pretraining texts among demonstrations, as in the model that starts PPO (Ouyang et al. 2022, appendix C.3: "We also mix in
 * 10% pretraining data").
 *
 * The paper does not say of what it is 10 %, nor how it is mixed. Here it is the share of the examples, a text being as many
 * tokens as fit; the texts stand at even distances, so that each update has its share; and each epoch goes on with texts
 * that were not used yet, until all were.
 */
import type { Random } from "@alignkit/core";
import { fileOrder, type Permutation } from "@alignkit/data";

export interface Mix {
  /** Examples of an epoch: all demonstrations, and texts. */
  readonly count: number;
  /** Order of an epoch over demonstrations, then texts: text i has index `demonstrations + i`. */
  readonly permutation: Permutation;
}

/**
 * @param share - of an epoch's examples that are texts, in `[0, 1)`
 * @param random - orders demonstrations and texts anew in each pass; undefined keeps both in order
 */
export function mixTexts({
  demonstrations,
  texts,
  share,
  random,
}: {
  readonly demonstrations: number;
  readonly texts: number;
  readonly share: number;
  readonly random: Random | undefined;
}): Mix {
  const mixed = texts === 0 ? 0 : Math.round((demonstrations * share) / (1 - share));
  const count = demonstrations + mixed;
  const orderOf = (name: string, size: number, pass: number): ArrayLike<number> =>
    random === undefined ? fileOrder(size, pass) : random.split(`${name}-${pass}`).permutation(size);
  return {
    count,
    permutation(_, epoch) {
      const own = orderOf("epoch", demonstrations, epoch);
      const order = new Int32Array(count);
      let pass = -1;
      let textOrder: ArrayLike<number> = [];
      let taken = 0;
      for (let place = 0; place < count; place++) {
        // A text wherever the share of texts so far, rounded down, grows.
        if (Math.floor(((place + 1) * mixed) / count) === taken) {
          order[place] = own[place - taken] as number;
          continue;
        }
        const text = epoch * mixed + taken++;
        if (Math.floor(text / texts) !== pass) {
          pass = Math.floor(text / texts);
          textOrder = orderOf("texts", texts, pass);
        }
        order[place] = demonstrations + (textOrder[text % texts] as number);
      }
      return order;
    },
  };
}

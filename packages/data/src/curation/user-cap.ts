import type { Random } from "@alignkit/core";

/** Rows without a user. */
export const noUser = -1;

/**
 * Which rows stay when no user has more than `maximum`: of a user with more a random choice, each row alike.
 * @param users - number of the user of each row, or {@link noUser}, whose rows all stay
 * @returns for each row whether it stays
 * @see Ouyang et al. 2022, section 3.2: "we limit the number of prompts to 200 per user ID"; which 200 is not said
 */
export function capPerUser(users: ArrayLike<number>, maximum: number, random: Random): Uint8Array {
  const stays = new Uint8Array(users.length).fill(1);
  // Reservoirs (Vitter's algorithm R): the rows chosen so far of each user, and how many there were.
  const reservoirs = new Map<number, { readonly rows: number[]; seen: number }>();
  for (let row = 0; row < users.length; row++) {
    const user = users[row] as number;
    if (user === noUser) continue;
    let reservoir = reservoirs.get(user);
    if (reservoir === undefined) {
      reservoir = { rows: [], seen: 0 };
      reservoirs.set(user, reservoir);
    }
    reservoir.seen++;
    if (reservoir.rows.length < maximum) {
      reservoir.rows.push(row);
      continue;
    }
    const place = random.integer(reservoir.seen);
    if (place < maximum) {
      stays[reservoir.rows[place] as number] = 0;
      reservoir.rows[place] = row;
    } else {
      stays[row] = 0;
    }
  }
  return stays;
}

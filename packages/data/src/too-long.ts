/** What is done with a record of more tokens than fit. */
export type TooLong = "drop" | "error" | "truncate";

/** How many records were not taken as they are; shown to the user, since nothing is left out in silence. */
export interface TooLongCounts {
  readonly truncated: number;
  readonly dropped: number;
}

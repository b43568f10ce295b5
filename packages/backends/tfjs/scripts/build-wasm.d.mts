/** Path of the file that is built. */
export const generatedFile: string;
/** The text that it should have. */
export function generate(): Promise<string>;

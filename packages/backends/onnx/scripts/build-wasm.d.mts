/** The generated files of src/kernels, by name, with the text that they should have. */
export function generate(): Promise<Readonly<Record<string, string>>>;

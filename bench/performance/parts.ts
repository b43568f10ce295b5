/** The parts that the work of a step is divided into, in the graph and in what ONNX Runtime tells of its own nodes. */

export const parts = {
  products: "products with weights (GEMM)",
  head: "products with the head (GEMM)",
  fewRows: "products of few rows",
  attention: "attention",
  elementwise: "norms, activations, residuals, sums",
  embedding: "embedding",
  loss: "loss over the vocabulary",
  optimizer: "optimizer",
  sessions: "sessions: graphs made ready, weights packed",
  host: "host: batches, scatters, calls",
  sampling: "sampling",
} as const;
export type Part = keyof typeof parts;
export const partNames = Object.keys(parts) as readonly Part[];

/** Up to so many rows a product takes as long as its weights take from memory. */
const few = 16;

/** What an operation does, where its shapes do not tell. */
export type Kind = "product" | "rows" | "attention" | "optimizer" | "other";

/**
 * @param shapes - of operands and results, the result of a product last
 * @param vocabulary - V
 */
export function partOf(kind: Kind, shapes: readonly (readonly number[])[], vocabulary: number): Part {
  if (kind === "optimizer" || kind === "attention") return kind;
  if (kind === "rows") return "embedding";
  const hasVocabulary = shapes.some((shape) => shape.length <= 3 && shape.includes(vocabulary));
  if (kind === "product") {
    const isBatched = shapes.some(
      (shape) => shape.slice(0, -2).reduce((product, size) => product * size, 1) > 1,
    );
    // Weights are matrices; what has a matrix for each row and head is attention.
    if (isBatched && shapes.every((shape) => shape.length !== 2)) return "attention";
    if (Math.min(...(shapes.at(-1) ?? []).slice(-2)) <= few) return "fewRows";
    return hasVocabulary ? "head" : "products";
  }
  if (hasVocabulary) return "loss";
  return shapes.some((shape) => shape.length === 4) ? "attention" : "elementwise";
}

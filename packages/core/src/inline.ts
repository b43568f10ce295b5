import { type Graph, type Operation, resultsOf, type Tensor, TensorMap, topologicalOrder } from "./tensor.js";

/** The outputs of `graph` with its inputs replaced by `inputs`. */
export function inlineGraph(graph: Graph, inputs: readonly Tensor[]): readonly Tensor[] {
  const values = new TensorMap<Tensor>();
  for (const [index, input] of graph.inputs.entries()) values.set(input, inputs[index] as Tensor);
  for (const operation of topologicalOrder(graph.outputs)) {
    if (values.get({ operation, index: 0 } as Tensor) !== undefined) continue;
    const copy: Operation = {
      ...operation,
      inputs: operation.inputs.map((input) => values.get(input) ?? input),
    };
    for (const result of resultsOf(copy)) values.set({ operation, index: result.index } as Tensor, result);
  }
  return graph.outputs.map((output) => values.get(output) as Tensor);
}

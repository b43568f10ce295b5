/** A leaf, or a record or list of trees: how parameters, batches and results are grouped. */
export type Tree<L> = L | readonly Tree<L>[] | { readonly [key: string]: Tree<L> };

/** The same grouping with other leaves. */
export type MapTree<T, From, To> = T extends From
  ? To
  : T extends readonly unknown[] | object
    ? { readonly [K in keyof T]: MapTree<T[K], From, To> }
    : never;

/** Leaves with their paths (`parameters.wte.weight`), in the order of the keys. */
export function flattenTree<L>(
  tree: Tree<L>,
  isLeaf: (node: unknown) => node is L,
  path = "",
): { readonly path: string; readonly leaf: L }[] {
  const leaves: { readonly path: string; readonly leaf: L }[] = [];
  const visit = (node: Tree<L>, at: string): void => {
    if (isLeaf(node)) leaves.push({ path: at, leaf: node });
    else
      for (const key of Object.keys(node as object))
        visit(childOf(node, key), at === "" ? key : `${at}.${key}`);
  };
  visit(tree, path);
  return leaves;
}

const childOf = <L>(node: Tree<L>, key: string): Tree<L> =>
  (node as { readonly [key: string]: Tree<L> })[key] as Tree<L>;

/** The tree with each leaf replaced. */
export function mapTree<L, M>(
  tree: Tree<L>,
  isLeaf: (node: unknown) => node is L,
  replace: (leaf: L, path: string) => M,
  path = "",
): Tree<M> {
  if (isLeaf(tree)) return replace(tree, path);
  const child = (key: string | number, node: Tree<L>) =>
    mapTree(node, isLeaf, replace, path === "" ? String(key) : `${path}.${key}`);
  if (Array.isArray(tree)) return tree.map((node, index) => child(index, node as Tree<L>));
  return Object.fromEntries(
    Object.entries(tree as { readonly [key: string]: Tree<L> }).map(([key, node]) => [key, child(key, node)]),
  );
}

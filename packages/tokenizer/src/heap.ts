/** A binary heap: `pop` gives the item that is before all others. */
export interface Heap<Item> {
  readonly size: number;
  push(item: Item): void;
  pop(): Item | undefined;
}

export function createHeap<Item>(isBefore: (a: Item, b: Item) => boolean): Heap<Item> {
  const items: Item[] = [];
  return {
    get size() {
      return items.length;
    },
    push(item) {
      let place = items.length;
      while (place > 0) {
        const parent = (place - 1) >> 1;
        if (!isBefore(item, items[parent] as Item)) break;
        items[place] = items[parent] as Item;
        place = parent;
      }
      items[place] = item;
    },
    pop() {
      const first = items[0];
      const last = items.pop();
      if (items.length === 0 || last === undefined) return first;
      let place = 0;
      for (;;) {
        let child = 2 * place + 1;
        if (child >= items.length) break;
        if (child + 1 < items.length && isBefore(items[child + 1] as Item, items[child] as Item)) child++;
        if (!isBefore(items[child] as Item, last)) break;
        items[place] = items[child] as Item;
        place = child;
      }
      items[place] = last;
      return first;
    },
  };
}

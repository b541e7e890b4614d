import { setImmediate as nextTurn } from 'node:timers/promises';

/** Turns of the event loop that a group waits for more, as long as more keeps coming. */
const MOST_TURNS = 8;

/**
 * Gathers what comes while one write is under way and writes it together: at rest an item is written at once, under
 * load many share one commit. `write` gets the items in the order in which they came, and may answer with as many
 * results in the same order.
 */
export function createGroupCommit<Item, Result = void>(
  // biome-ignore lint/suspicious/noConfusingVoidType: a write without results resolves to void.
  write: (items: readonly Item[]) => Promise<[Result] extends [void] ? void : readonly Result[]>,
  mostAtOnce: number,
) {
  let waiting: { item: Item; resolve: (result: Result) => void; reject: (error: unknown) => void }[] = [];
  let writing = false;

  return {
    /** Resolves when the item is committed; rejects when its group was not. */
    add(item: Item): Promise<Result> {
      return new Promise((resolve, reject) => {
        waiting.push({ item, resolve, reject });
        if (!writing) void drain();
      });
    },
  };

  async function drain() {
    writing = true;
    while (waiting.length > 0) {
      await gather();
      const group = waiting.slice(0, mostAtOnce);
      waiting = waiting.slice(group.length);
      try {
        const results = (await write(group.map(({ item }) => item))) as readonly Result[] | undefined;
        for (const [index, { resolve }] of group.entries()) resolve(results?.[index] as Result);
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
    writing = false;
  }

  /** A commit costs the same for one item as for twenty: what is already on its way should be in it. */
  async function gather() {
    let before = 0;
    for (
      let turn = 0;
      turn < MOST_TURNS && waiting.length > before && waiting.length < mostAtOnce;
      turn += 1
    ) {
      before = waiting.length;
      await nextTurn();
    }
  }
}

import { setImmediate as nextTurn } from 'node:timers/promises';

/** Turns of the event loop that a group waits for more, as long as more keeps coming. */
const MOST_TURNS = 8;

/**
 * Gathers what comes while one write is under way and writes it together: at rest an item is written at once, under
 * load many share one commit. `write` gets the items in the order in which they came.
 */
export function createGroupCommit<Item>(
  write: (items: readonly Item[]) => Promise<void>,
  mostAtOnce: number,
) {
  let waiting: { item: Item; resolve: () => void; reject: (error: unknown) => void }[] = [];
  let writing = false;

  return {
    /** Resolves when the item is committed; rejects when its group was not. */
    add(item: Item): Promise<void> {
      return new Promise((resolve, reject) => {
        waiting.push({ item, resolve, reject });
        if (!writing) drain();
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
        await write(group.map(({ item }) => item));
        for (const { resolve } of group) resolve();
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

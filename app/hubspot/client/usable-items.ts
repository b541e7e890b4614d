import type { z } from 'zod';

/** The items of a list that match a schema; the others are omitted. */
export const usableItems =
  <T extends z.ZodType>(item: T) =>
  (items: readonly unknown[]): z.output<T>[] =>
    items.flatMap((it) => {
      const parsed = item.safeParse(it);
      return parsed.success ? [parsed.data] : [];
    });

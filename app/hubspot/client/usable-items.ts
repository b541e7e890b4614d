import type { z } from 'zod';

/** The items of a list that a schema can read; the others are left out. */
export const usableItems =
  <T extends z.ZodType>(item: T) =>
  (items: readonly unknown[]): z.output<T>[] =>
    items.flatMap((it) => {
      const parsed = item.safeParse(it);
      return parsed.success ? [parsed.data] : [];
    });

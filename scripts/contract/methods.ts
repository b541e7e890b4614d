/** The methods below an API object, by dotted name; `''` stands for a function itself. */
export function methodNames(api: unknown, prefix = ''): string[] {
  if (typeof api === 'function') return [prefix];
  if (typeof api !== 'object' || api === null) return [];
  return Object.entries(api).flatMap(([key, value]) => methodNames(value, prefix ? `${prefix}.${key}` : key));
}

/** The same API, reporting the name of each called method. */
export function watched<T>(api: T, onCall: (name: string) => void, prefix = ''): T {
  if (typeof api === 'function') {
    const call = (...args: unknown[]) => {
      onCall(prefix);
      return api(...args);
    };
    return call as T;
  }
  if (typeof api !== 'object' || api === null) return api;
  return Object.fromEntries(
    Object.entries(api).map(([key, value]) => [
      key,
      watched(value, onCall, prefix ? `${prefix}.${key}` : key),
    ]),
  ) as T;
}

export interface Lazy<T> {
  (): T;
  /** Undefined until the first call. */
  made(): T | undefined;
}

/** Makes a value on the first call. */
export function lazy<T>(make: () => T): Lazy<T> {
  let value: { readonly made: T } | undefined;
  const get = () => {
    value ??= { made: make() };
    return value.made;
  };
  return Object.assign(get, { made: () => value?.made });
}

/** An object whose properties are made when they are first read. */
export function lazyProperties<Makers extends Readonly<Record<string, () => unknown>>>(makers: Makers) {
  const descriptors = Object.entries(makers).map(([name, get]) => [name, { get, enumerable: true }]);
  return Object.defineProperties({}, Object.fromEntries(descriptors)) as {
    readonly [Name in keyof Makers]: ReturnType<Makers[Name]>;
  };
}

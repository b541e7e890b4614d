/** A request of the app, newest last. `status` is 0 when the sandbox closed the connection. */
export interface LoggedRequest {
  at: string;
  method: string;
  path: string;
  query: Record<string, unknown>;
  headers: Record<string, unknown>;
  body: unknown;
  status: number;
}

/** As received. Masked only when shown, because most requests never are. */
type Entry = Omit<LoggedRequest, 'at'> & { at: number };

const KEPT = 10_000;
const secretNames = new Set([
  'authorization',
  'client_secret',
  'code',
  'refresh_token',
  'access_token',
  'token',
  'tokenkey',
]);

export type RequestLog = ReturnType<typeof createRequestLog>;

/** A bounded log in which secrets are reduced to their last four characters, because test output and screenshots leak. */
export function createRequestLog() {
  let entries: Entry[] = [];

  return {
    /** Returns the entry, whose `status` is set when the response is known. */
    add(entry: Omit<LoggedRequest, 'at' | 'status'>): Entry {
      const logged = { ...entry, at: Date.now(), status: 0 };
      entries.push(logged);
      if (entries.length > KEPT) entries.shift();
      return logged;
    },
    list: (matches: (path: string) => boolean = () => true): LoggedRequest[] =>
      entries.filter(({ path }) => matches(path)).map(shown),
    reset() {
      entries = [];
    },
  };
}

function shown({ at, method, path, query, headers, body, status }: Entry): LoggedRequest {
  return {
    at: new Date(at).toISOString(),
    method,
    path,
    query: masked(query) as Record<string, unknown>,
    headers: masked(headers) as Record<string, unknown>,
    body: masked(body),
    status,
  };
}

/** A copy in which the values under secret names keep only their last four characters. */
function masked(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(masked);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => {
      const isSecret = secretNames.has(name.toLowerCase()) && typeof inner === 'string';
      return [name, isSecret ? `***${inner.slice(-4)}` : masked(inner)];
    }),
  );
}

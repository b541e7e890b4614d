import { setTimeout as pause } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import type { Logger } from '../../base/logger.ts';
import { currentCause } from '../../base/trace.ts';
import type { Batch } from './batch.ts';
import type { CallPriority } from './budget.ts';
import { HubSpotError } from './errors.ts';
import type { HubSpotRequest, Send, Together } from './http.ts';

interface TogetherParts<Input, Result> extends Pick<Together, 'kind' | 'subject' | 'isWrite'> {
  readonly batch: Batch<Input, Result>;
  readonly input: Input;
  /** The response of the single request; undefined when it cannot be told from this result. */
  readonly responseOf: (result: Result) => unknown;
}

export function together<Input, Result>(parts: TogetherParts<Input, Result>): Together {
  const { kind, subject, isWrite, batch, input, responseOf } = parts;
  return {
    kind,
    subject,
    isWrite,
    input,
    limit: batch.limit,
    batchRequest: (inputs) => batch.request(inputs as readonly Input[]),
    response(results, index) {
      for (const item of results) {
        const { data } = batch.result.safeParse(item);
        if (data !== undefined && batch.isResultOf(data, input, index)) return responseOf(data);
      }
      return undefined;
    },
  };
}

export interface WaitingCall {
  readonly portalId: number;
  readonly priority: CallPriority;
  readonly request: HubSpotRequest;
  /** By `performance.now()`. */
  readonly endsAt: number;
  /** Waits for a place in the call budget. @returns a function to call when the call has ended. */
  take(): Promise<() => void>;
  readonly http: Send;
}

interface Member {
  readonly call: WaitingCall;
  readonly answer: PromiseWithResolvers<unknown>;
}

interface Group {
  readonly endsAt: number;
  /** By subject, in order. */
  readonly members: Map<string, Member[]>;
}

/** How many calls of a portal in ten seconds make it busy: a good part of HubSpot's 110 is left then. */
const BUSY_CALLS = 30;
/** How long a call of a busy portal waits for others of its kind. */
const GATHER_MS = 50;
const WINDOW_MS = 10_000;
const MOST_PORTALS = 2_000;

/** The batch does not answer the request, which is then sent by itself. */
const ALONE = Symbol('alone');
/** The first call of the group was not sent in time; the others wait again. */
const AGAIN = Symbol('again');

interface CoalescerParts {
  readonly logger: Logger;
  /** False sends every call by itself. */
  readonly enabled?: boolean | undefined;
}

export type Coalescer = ReturnType<typeof createCoalescer>;

/**
 * Sends calls of one portal that wait for the call budget at the same time, and are of the same kind, as one batch
 * request. A batch is only a shortcut: whatever it does not clearly answer is sent by itself, so that each caller gets
 * the response or error of its own request. A call that need not wait is sent at once, unless the portal is busy: then
 * it waits a moment for others.
 */
export function createCoalescer({ logger, enabled = true }: CoalescerParts) {
  /** The groups that wait for a place in the budget. */
  const waiting = new Map<string, Group>();
  /** The last write of each subject. */
  const writes = new Map<string, Promise<unknown>>();
  const recent = createRecentCalls();

  return {
    /** Runs a call after the earlier writes of its subject, if it is a write, so that the last one wins. */
    async inOrder<T>(portalId: number, { together: it }: HubSpotRequest, call: () => Promise<T>): Promise<T> {
      if (!enabled || !it?.isWrite) return call();
      const subject = `${portalId} ${it.subject}`;
      const before = writes.get(subject);
      const sent = before ? before.then(call) : call();
      const ended = sent
        .catch(() => {})
        .finally(() => writes.get(subject) === ended && writes.delete(subject));
      writes.set(subject, ended);
      return sent;
    },

    /** Sends a call when the budget allows, together with others if possible. */
    async send(call: WaitingCall): Promise<unknown> {
      const { together: it } = call.request;
      if (!enabled) return sendAlone(call);
      if (!it) return alone(call);
      for (;;) {
        const answer = await join(call, it);
        if (answer === ALONE) return alone(call);
        if (answer !== AGAIN) return answer;
      }
    },
  };

  function alone(call: WaitingCall): Promise<unknown> {
    recent.add(call.portalId);
    return sendAlone(call);
  }

  function join(call: WaitingCall, it: Together): Promise<unknown> {
    const member: Member = { call, answer: Promise.withResolvers() };
    const key = groupOf(call, it);
    const group = waiting.get(key);
    if (
      group &&
      group.endsAt <= call.endsAt &&
      (group.members.has(it.subject) || group.members.size < it.limit)
    ) {
      group.members.set(it.subject, [...(group.members.get(it.subject) ?? []), member]);
    } else {
      const started: Group = { endsAt: call.endsAt, members: new Map([[it.subject, [member]]]) };
      waiting.set(key, started);
      void lead(key, started, call, it);
    }
    return member.answer.promise;
  }

  /** Sends a group when its first call gets a place in the budget. */
  async function lead(key: string, group: Group, first: WaitingCall, it: Together): Promise<void> {
    let answered: () => void;
    try {
      // Otherwise a burst uses up the budget call by call, and leaves none for ten seconds.
      if (recent.isBusy(first.portalId)) await pause(GATHER_MS);
      recent.add(first.portalId);
      answered = await first.take();
    } catch (error) {
      close(key, group);
      for (const { call, answer } of [...group.members.values()].flat()) {
        if (call === first) answer.reject(error);
        else answer.resolve(AGAIN);
      }
      return;
    }
    close(key, group);
    try {
      if (group.members.size === 1) await sendOne(group, first);
      else await sendBatch(group, first, it, logger);
    } finally {
      answered();
    }
  }

  function close(key: string, group: Group): void {
    if (waiting.get(key) === group) waiting.delete(key);
  }
}

/** Estimates the calls of each portal in the last ten seconds, from those in this window and the one before. */
function createRecentCalls() {
  const counts = new LRUCache<number, { window: number; calls: number; before: number }>({
    max: MOST_PORTALS,
  });

  function current(portalId: number) {
    const window = Math.floor(performance.now() / WINDOW_MS);
    const known = counts.get(portalId);
    if (known?.window === window) return known;
    const before = known?.window === window - 1 ? known.calls : 0;
    const started = { window, calls: 0, before };
    counts.set(portalId, started);
    return started;
  }

  return {
    add(portalId: number): void {
      current(portalId).calls += 1;
    },
    isBusy(portalId: number): boolean {
      const { calls, before } = current(portalId);
      const left = 1 - (performance.now() % WINDOW_MS) / WINDOW_MS;
      return calls + before * left >= BUSY_CALLS;
    },
  };
}

/** Writes of handlers are recorded as such, so they do not share a batch with others. */
const groupOf = ({ portalId, priority }: WaitingCall, { kind, isWrite }: Together) =>
  `${portalId} ${priority} ${isWrite && currentCause().eventId !== undefined} ${kind}`;

async function sendAlone({ request, take, http }: WaitingCall): Promise<unknown> {
  const answered = await take();
  try {
    return await http(request);
  } finally {
    answered();
  }
}

async function sendOne({ members }: Group, { http, request }: WaitingCall): Promise<void> {
  const answers = [...members.values()].flat().map(({ answer }) => answer);
  try {
    const response = await http(request);
    for (const answer of answers) answer.resolve(response);
  } catch (error) {
    for (const answer of answers) answer.reject(error);
  }
}

async function sendBatch(
  { members }: Group,
  { portalId, http }: WaitingCall,
  it: Together,
  logger: Logger,
): Promise<void> {
  const subjects = [...members.values()];
  const inputs = subjects.map(([member]) => member?.call.request.together?.input);
  try {
    const body = await http(it.batchRequest(inputs));
    const results = resultsOf(body);
    subjects.forEach((same, index) => {
      for (const { call, answer } of same) {
        answer.resolve(call.request.together?.response(results, index) ?? ALONE);
      }
    });
  } catch (error) {
    logger.debug({ portalId, err: error, calls: inputs.length }, 'a batch of waiting calls failed');
    // These concern every call alike; sending each by itself would only repeat them.
    const concernsAll = error instanceof HubSpotError && (error.status === 401 || error.status === 429);
    for (const { call, answer } of subjects.flat()) {
      if (concernsAll) answer.reject(error.about(call.request));
      else answer.resolve(ALONE);
    }
  }
}

function resultsOf(body: unknown): readonly unknown[] {
  const results = (body as { results?: unknown } | undefined)?.results;
  return Array.isArray(results) ? results : [];
}

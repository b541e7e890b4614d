import { z } from 'zod';
import { readAnswer } from './answer.ts';
import {
  type ErrorDetail,
  existingIdIn,
  furtherDetails,
  type StandardError,
  standardErrors,
} from './error-body.ts';
import { HubSpotError, isIdempotent } from './errors.ts';
import type { HubSpotRequest, Send } from './http.ts';
import { patientAfter } from './pages.ts';
import { usableItems } from './usable-items.ts';

/** Why an input of a batch failed. `error` when its whole request did. */
export interface BatchFailure {
  readonly message: string;
  readonly category?: string | undefined;
  /** The record that holds a value already which must be unique. */
  readonly existingId?: string | undefined;
  /** Such as `crm.associations.INVALID_IDENTIFIER`. */
  readonly subCategory?: unknown;
  readonly error?: unknown;
  /** HubSpot may have carried it out, and doing it again would do it twice. */
  readonly maybeDone?: boolean | undefined;
}

/** What became of one input of a batch: one of `result` and `failure` is there. */
export type BatchOutcome<Input, Result> =
  | { readonly input: Input; readonly result: Result; readonly failure?: undefined }
  | { readonly input: Input; readonly result?: undefined; readonly failure: BatchFailure };

export type OnProgress = (done: number) => void;

export interface Batch<Input, Result> {
  /** Most inputs of one request, as documented. */
  readonly limit: number;
  request(inputs: readonly Input[]): HubSpotRequest;
  readonly result: z.ZodType<Result>;
  /** Whether a result, or an error of a 207, is about an input. `index` counts within the request. */
  isResultOf(result: Result, input: Input, index: number): boolean;
  isErrorOf(error: StandardError, input: Input, index: number): boolean;
  /** The result where an error of HubSpot's only says that there is nothing to read; undefined for any other error. */
  readonly resultOf?: (error: StandardError, input: Input) => Result | undefined;
  /** Stands for the result where HubSpot answers with nothing. */
  readonly silence?: Result;
  /**
   * HubSpot may answer with a record that bears another name than the input: one found by the id of a record that was
   * merged into it. Inputs that an answer does not account for are then asked for alone.
   */
  readonly renames?: boolean;
}

/**
 * Sends any number of inputs in requests of the documented size, one after the other, and says of each input what
 * became of it, in their order. A request that is refused as a whole costs only its own inputs; where it can be
 * repeated safely it is halved until the inputs to blame are alone, or all are seen to be. Once HubSpot does not let
 * us in or wants no more (401, 403, 429), is not reached at all, or fails three requests in a row, what is left is not
 * sent.
 */
export async function sendBatch<Input, Result>(
  send: Send,
  batch: Batch<Input, Result>,
  inputs: readonly Input[],
  onProgress: OnProgress = () => {},
): Promise<BatchOutcome<Input, Result>[]> {
  const outcomes: BatchOutcome<Input, Result>[] = [];
  let failedInARow = 0;
  for (let start = 0; start < inputs.length; start += batch.limit) {
    const sending = patientAfter(start / batch.limit, send);
    const sent = await sendChunk(sending, batch, inputs.slice(start, start + batch.limit));
    outcomes.push(...sent);
    onProgress(outcomes.length);
    const failures = sent.flatMap(({ failure }) => (failure?.error === undefined ? [] : failure));
    failedInARow = failures.some(({ error }) => isTransient(error)) ? failedInARow + 1 : 0;
    const last = failures.find(stopsAll) ?? (failedInARow === GIVE_UP_AFTER ? failures[0] : undefined);
    if (last) {
      outcomes.push(...notSent<Input, Result>(inputs.slice(outcomes.length), last));
      break;
    }
  }
  return outcomes;
}

type Outcomes<Input, Result> = BatchOutcome<Input, Result>[];

/** Most requests for one chunk: enough to find some ten inputs to blame among a hundred. */
const MOST_REQUESTS = 100;

async function sendChunk<Input, Result>(
  send: Send,
  batch: Batch<Input, Result>,
  inputs: readonly Input[],
): Promise<Outcomes<Input, Result>> {
  const whole = await sendPart(send, batch, inputs);
  const parts = batch.request(inputs).idempotent ? await halveRefused(send, batch, whole) : [whole];
  const outcomes = parts.flatMap(asRefusedTogether);
  return batch.renames ? askAlone(send, batch, outcomes) : outcomes;
}

/**
 * Level by level, so that it is seen when every part is refused in the same words. These may be general ones, said of
 * one bad input in each part; only where inputs of all parts are refused so alone, it is taken for every input's fault.
 */
async function halveRefused<Input, Result>(
  send: Send,
  batch: Batch<Input, Result>,
  whole: Outcomes<Input, Result>,
): Promise<Outcomes<Input, Result>[]> {
  let parts = [whole];
  let stopped: BatchFailure | undefined;
  let probed = false;
  for (let requests = 1; ; ) {
    const refused = parts.filter((part) => part.length > 1 && reasonOfRefusal(part) !== undefined);
    if (stopped || refused.length === 0) return parts;
    if (!probed && parts.length >= 4 && new Set(parts.map(reasonOfRefusal)).size === 1) {
      probed = true;
      requests += refused.length;
      if (await areRefusedAlone(send, batch, refused)) return parts;
    }
    requests += 2 * refused.length;
    if (requests > MOST_REQUESTS) return parts;
    const next: typeof parts = [];
    for (const part of parts) {
      if (!refused.includes(part)) {
        next.push(part);
        continue;
      }
      for (const half of halvesOf(part.map(({ input }) => input))) {
        const sent: Outcomes<Input, Result> = stopped
          ? notSent(half, stopped)
          : await sendPart(send, batch, half);
        stopped ??= sent.flatMap(({ failure }) => failure ?? []).find(stopsAll);
        next.push(sent);
      }
    }
    parts = next;
  }
}

/**
 * Whether one input of each part, sent alone, is refused in the words that its part was. Each is taken from another
 * place in its part, as inputs to blame may come at regular distances.
 */
async function areRefusedAlone<Input, Result>(
  send: Send,
  batch: Batch<Input, Result>,
  parts: readonly Outcomes<Input, Result>[],
): Promise<boolean> {
  for (const [at, part] of parts.entries()) {
    const place = Math.floor((at * part.length) / parts.length);
    const one = part.slice(place, place + 1).map(({ input }) => input);
    const alone = await sendPart(send, batch, one);
    if (reasonOfRefusal(alone) !== reasonOfRefusal(part)) return false;
  }
  return true;
}

function halvesOf<T>(items: readonly T[]): [T[], T[]] {
  const middle = Math.ceil(items.length / 2);
  return [items.slice(0, middle), items.slice(middle)];
}

/** What HubSpot said when it refused a request for its inputs. */
function reasonOfRefusal(part: Outcomes<unknown, unknown>): string | undefined {
  const { failure } = part[0] ?? {};
  const error = failure?.error;
  const refused = error instanceof HubSpotError && (error.status === 400 || error.status === 409);
  return refused ? failure?.message : undefined;
}

/** Inputs that were refused together are not each to blame. */
function asRefusedTogether<Input, Result>(part: Outcomes<Input, Result>): Outcomes<Input, Result> {
  if (part.length === 1 || reasonOfRefusal(part) === undefined) return part;
  const others = part.length === 2 ? 'another' : `${part.length - 1} others`;
  return part.map(({ input, failure }) => {
    return {
      input,
      failure: { ...failure, message: `${failure?.message} (refused together with ${others})` },
    };
  });
}

async function askAlone<Input, Result>(
  send: Send,
  batch: Batch<Input, Result>,
  outcomes: Outcomes<Input, Result>,
): Promise<Outcomes<Input, Result>> {
  if (outcomes.length === 1) return outcomes;
  const asked: Outcomes<Input, Result> = [];
  let stopped = false;
  for (const outcome of outcomes) {
    const ask: boolean = outcome.failure?.message === UNTOLD && !stopped;
    const alone: Outcomes<Input, Result> = ask ? await sendPart(send, batch, [outcome.input]) : [outcome];
    stopped ||= alone.some(({ failure }) => failure && stopsAll(failure));
    asked.push(...alone);
  }
  return asked;
}

async function sendPart<Input, Result>(
  send: Send,
  batch: Batch<Input, Result>,
  inputs: readonly Input[],
): Promise<Outcomes<Input, Result>> {
  const request = batch.request(inputs);
  try {
    return outcomesOf(batch, inputs, await send(request), request);
  } catch (error) {
    const failure: BatchFailure = {
      message: detailed(error instanceof Error ? error.message : String(error), detailsOf(error)),
      category: error instanceof HubSpotError ? error.category : undefined,
      existingId: error instanceof HubSpotError ? error.existingId : undefined,
      subCategory: error instanceof HubSpotError ? error.subCategory : undefined,
      error,
      maybeDone: error instanceof HubSpotError && error.maybeDone ? true : undefined,
    };
    return inputs.map((input) => ({ input, failure }));
  }
}

function notSent<Input, Result>(inputs: readonly Input[], after: BatchFailure): Outcomes<Input, Result> {
  const message = after.message.startsWith(NOT_SENT) ? after.message : NOT_SENT + after.message;
  return inputs.map((input) => ({ input, failure: { ...after, message, maybeDone: undefined } }));
}

/** HubSpot's answer to a batch. One result that cannot be read, or one error, never costs the others. */
const answerOf = <Result>(result: z.ZodType<Result>) =>
  z.object({
    results: z
      .union([
        z.array(result),
        z
          .array(z.unknown())
          .transform(usableItems(result))
          .refine((usable) => usable.length > 0),
      ])
      .nullish(),
    errors: standardErrors,
    numErrors: z.number().catch(0),
  });

function outcomesOf<Input, Result>(
  { result, isResultOf, isErrorOf, resultOf = () => undefined, silence }: Batch<Input, Result>,
  inputs: readonly Input[],
  body: unknown,
  request: HubSpotRequest,
): Outcomes<Input, Result> {
  const { results, errors, numErrors } = readAnswer(answerOf(result), body ?? {}, request);
  const told = inputs.map((input, index) => ({
    input,
    result: results?.find((it) => isResultOf(it, input, index)),
    error: errors.find((it) => isErrorOf(it, input, index)),
  }));
  const open = told.filter((it) => it.result === undefined && it.error === undefined);
  const spare = results?.filter((it) => told.every((other) => other.result !== it)) ?? [];
  const unclaimed = errors.filter((it) => told.every((other) => other.error !== it));
  // An error that names no input is that of an input which nothing was said of.
  const untold = { message: UNTOLD, maybeDone: isIdempotent(request) ? undefined : true };
  const undecided = unclaimed.length > 0 || numErrors > errors.length ? failureOf(unclaimed) : undefined;

  return told.map((it): BatchOutcome<Input, Result> => {
    const { input, result, error } = it;
    if (result !== undefined) return { input, result };
    if (error !== undefined) {
      const meant = resultOf(error, input);
      return meant === undefined ? { input, failure: failureOf([error]) } : { input, result: meant };
    }
    // What is left over for the one input left over is its own: a record found by its second address shows the first.
    if (open.length === 1 && spare[0] !== undefined) return { input, result: spare[0] };
    if (undecided) return { input, failure: undecided };
    return silence === undefined ? { input, failure: untold } : { input, result: silence };
  });
}

function failureOf(errors: readonly StandardError[]): BatchFailure {
  const texts = errors.map((error) => detailed(error.message ?? error.category ?? '', error.errors));
  const message = [...new Set(texts)].filter(Boolean).join('; ');
  const { category, subCategory } = errors[0] ?? {};
  return {
    message: message || 'HubSpot reported an error and no reason',
    category,
    subCategory,
    existingId: existingIdIn(texts),
  };
}

const UNTOLD = 'HubSpot did not say what became of it';
const NOT_SENT = 'not sent, after: ';
const GIVE_UP_AFTER = 3;

const isTransient = (error: unknown) => error instanceof HubSpotError && error.transient;

const stopsAll = ({ error }: BatchFailure) =>
  error !== undefined &&
  (!(error instanceof HubSpotError) || !error.answered || [401, 403, 429].includes(error.status ?? 0));

const detailsOf = (error: unknown) => (error instanceof HubSpotError ? error.errors : []);

function detailed(message: string, errors: readonly ErrorDetail[]): string {
  const details = furtherDetails(message, errors);
  return details.length > 0 ? `${message} (${details.join('; ')})`.trim() : message;
}

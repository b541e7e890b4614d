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

/** Why an input of a batch failed. `error` is set when the whole request failed. */
export interface BatchFailure {
  readonly message: string;
  readonly category?: string | undefined;
  /** The record that already has a value which must be unique. */
  readonly existingId?: string | undefined;
  /** Such as `crm.associations.INVALID_IDENTIFIER`. */
  readonly subCategory?: unknown;
  readonly error?: unknown;
  /** HubSpot may have processed it, and it is not idempotent. */
  readonly maybeDone?: boolean | undefined;
}

/** The outcome of one input of a batch: either `result` or `failure` is set. */
export type BatchOutcome<Input, Result> =
  | { readonly input: Input; readonly result: Result; readonly failure?: undefined }
  | { readonly input: Input; readonly result?: undefined; readonly failure: BatchFailure };

export type OnProgress = (done: number) => void;

export interface Batch<Input, Result> {
  /** Documented maximum of inputs in one request. */
  readonly limit: number;
  request(inputs: readonly Input[]): HubSpotRequest;
  readonly result: z.ZodType<Result>;
  /** Whether a result, or an error in a 207 response, belongs to an input. `index` counts within the request. */
  isResultOf(result: Result, input: Input, index: number): boolean;
  isErrorOf(error: StandardError, input: Input, index: number): boolean;
  /** The result of an input whose error only reports that nothing was found. */
  readonly resultOf?: (error: StandardError, input: Input) => Result | undefined;
  /** The result of inputs that the response does not mention. */
  readonly silence?: Result;
  /**
   * HubSpot may return a record under another id: that of the record it was merged into. Inputs that a response
   * does not mention are then sent again one by one.
   */
  readonly renames?: boolean;
}

/**
 * Sends inputs in requests of the documented size, one after the other. Returns the outcome of each, in their order.
 *
 * HubSpot rejects some requests as a whole because of one bad input: upserts by e-mail address, and duplicates. These
 * are halved, if idempotent, until the bad inputs are isolated. The rest is not sent after 401, 403 or 429, when
 * HubSpot cannot be reached, and after three failed requests in a row.
 */
export async function sendBatch<Input, Result>(
  send: Send,
  batch: Batch<Input, Result>,
  inputs: readonly Input[],
  onProgress: OnProgress = () => {},
): Promise<BatchOutcome<Input, Result>[]> {
  const outcomes: BatchOutcome<Input, Result>[] = [];
  let failedInARow = 0;
  let halving = true;
  for (let start = 0; start < inputs.length; start += batch.limit) {
    const sending = patientAfter(start / batch.limit, send);
    const sent: Outcomes<Input, Result> = await sendChunk(
      sending,
      batch,
      inputs.slice(start, start + batch.limit),
      halving,
    );
    outcomes.push(...sent);
    onProgress(outcomes.length);
    // When no input of a chunk succeeds, all inputs have the same mistake, and halving finds no valid ones.
    halving &&= sent.some(({ failure }) => failure === undefined);
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

/** Maximum requests for one chunk: enough to find about ten bad inputs among a hundred. */
const MOST_REQUESTS = 100;

async function sendChunk<Input, Result>(
  send: Send,
  batch: Batch<Input, Result>,
  inputs: readonly Input[],
  halving: boolean,
): Promise<Outcomes<Input, Result>> {
  const whole = await sendPart(send, batch, inputs);
  const parts =
    halving && batch.request(inputs).idempotent ? await halveRejected(send, batch, whole) : [whole];
  const outcomes = parts.flatMap(asRejectedTogether);
  return batch.renames ? askAlone(send, batch, outcomes) : outcomes;
}

/** Repeatedly halves the longest rejected part. */
async function halveRejected<Input, Result>(
  send: Send,
  batch: Batch<Input, Result>,
  whole: Outcomes<Input, Result>,
): Promise<Outcomes<Input, Result>[]> {
  const parts = [whole];
  for (let requests = 1; requests + 2 <= MOST_REQUESTS; requests += 2) {
    const rejected = parts.filter((part) => part.length > 1 && rejectionOf(part) !== undefined);
    const longest = rejected.toSorted((a, b) => b.length - a.length)[0];
    if (!longest) break;
    const [left, right] = halvesOf(longest.map(({ input }) => input));
    const first = await sendPart(send, batch, left);
    const stop = stopOf(first);
    const second = stop ? notSent<Input, Result>(right, stop) : await sendPart(send, batch, right);
    parts.splice(parts.indexOf(longest), 1, first, second);
    if (stop ?? stopOf(second)) break;
  }
  return parts;
}

const stopOf = (part: Outcomes<unknown, unknown>) =>
  part.flatMap(({ failure }) => failure ?? []).find(stopsAll);

function halvesOf<T>(items: readonly T[]): [T[], T[]] {
  const middle = Math.ceil(items.length / 2);
  return [items.slice(0, middle), items.slice(middle)];
}

/** HubSpot's error for a request that it rejected because of its inputs. */
function rejectionOf(part: Outcomes<unknown, unknown>): string | undefined {
  const { failure } = part[0] ?? {};
  const error = failure?.error;
  const rejected = error instanceof HubSpotError && (error.status === 400 || error.status === 409);
  return rejected ? failure?.message : undefined;
}

/** Of inputs that were rejected together, some may be valid. */
function asRejectedTogether<Input, Result>(part: Outcomes<Input, Result>): Outcomes<Input, Result> {
  if (part.length === 1 || rejectionOf(part) === undefined) return part;
  const others = part.length === 2 ? 'another' : `${part.length - 1} others`;
  return part.map(({ input, failure }) => {
    return {
      input,
      failure: { ...failure, message: `${failure?.message} (rejected together with ${others})` },
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

/** HubSpot's response to a batch. An unreadable result or error does not affect the others. */
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
  // An error that names no input is assigned to an input that the response does not mention.
  const untold = { message: UNTOLD, maybeDone: isIdempotent(request) ? undefined : true };
  const undecided = unclaimed.length > 0 || numErrors > errors.length ? failureOf(unclaimed) : undefined;

  return told.map((it): BatchOutcome<Input, Result> => {
    const { input, result, error } = it;
    if (result !== undefined) return { input, result };
    if (error !== undefined) {
      const meant = resultOf(error, input);
      return meant === undefined ? { input, failure: failureOf([error]) } : { input, result: meant };
    }
    // A single remaining result belongs to the single remaining input: a record found by its second address shows its first.
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

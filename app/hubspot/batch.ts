import { z } from 'zod';
import { readAnswer } from './answer.ts';
import { HubSpotError } from './errors.ts';
import type { HubSpotRequest, Send } from './http.ts';

/** Why an input of a batch failed. `error` when its whole request did. */
export interface BatchFailure {
  readonly message: string;
  readonly category?: string | undefined;
  readonly error?: unknown;
}

/** What became of one input of a batch: one of `result` and `failure` is there. */
export type BatchOutcome<Input, Result> =
  | { readonly input: Input; readonly result: Result; readonly failure?: undefined }
  | { readonly input: Input; readonly result?: undefined; readonly failure: BatchFailure };

export type OnProgress = (done: number) => void;

/** SPEC `StandardError`; HubSpot documents every field of an error as optional. */
const standardError = z
  .object({
    category: z.string(),
    message: z.string(),
    context: z.record(z.string(), z.array(z.string())).catch({}),
    errors: z.array(z.object({ message: z.string() }).partial()),
  })
  .partial();

export type StandardError = z.output<typeof standardError>;

export interface Batch<Input, Result> {
  /** Most inputs of one request, as documented. */
  readonly limit: number;
  request(inputs: readonly Input[]): HubSpotRequest;
  readonly result: z.ZodType<Result>;
  /** Whether a result, or an error of a 207, is about an input. `index` counts within the request. */
  isResultOf(result: Result, input: Input, index: number): boolean;
  isErrorOf?(error: StandardError, input: Input, index: number): boolean;
  /** Stands for the result where HubSpot answers with errors or nothing. */
  readonly silence?: Result;
}

/**
 * Sends any number of inputs in requests of the documented size, one after the other, and says of each input what
 * became of it, in their order. A request that is refused as a whole costs only its own inputs; where it can be
 * repeated safely it is halved until the inputs to blame are alone. Once HubSpot does not let us in or wants no more
 * (401, 403, 429), is not reached at all, or fails three requests in a row, what is left is not sent.
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
    const sent = await sendChunk(send, batch, inputs.slice(start, start + batch.limit));
    outcomes.push(...sent);
    onProgress(outcomes.length);
    const [failure] = sent.flatMap((it) => (it.failure?.error === undefined ? [] : it.failure));
    failedInARow = failure && isTransient(failure.error) ? failedInARow + 1 : 0;
    if (failure && (stopsAll(failure.error) || failedInARow === GIVE_UP_AFTER)) {
      const unsent = { ...failure, message: `not sent, after: ${failure.message}` };
      outcomes.push(...inputs.slice(outcomes.length).map((input) => ({ input, failure: unsent })));
      break;
    }
  }
  return outcomes;
}

async function sendChunk<Input, Result>(
  send: Send,
  batch: Batch<Input, Result>,
  inputs: readonly Input[],
): Promise<BatchOutcome<Input, Result>[]> {
  const request = batch.request(inputs);
  try {
    return outcomesOf(batch, inputs, await send(request), request);
  } catch (error) {
    const blame = error instanceof HubSpotError && (error.status === 400 || error.status === 409);
    if (blame && request.idempotent && inputs.length > 1) {
      const middle = Math.ceil(inputs.length / 2);
      const halves = [inputs.slice(0, middle), inputs.slice(middle)];
      const sent = [];
      for (const half of halves) sent.push(...(await sendChunk(send, batch, half)));
      return sent;
    }
    const failure: BatchFailure = {
      message: detailed(error instanceof Error ? error.message : String(error), detailsOf(error)),
      category: error instanceof HubSpotError ? error.category : undefined,
      error,
    };
    return inputs.map((input) => ({ input, failure }));
  }
}

function outcomesOf<Input, Result>(
  { result, isResultOf, isErrorOf, silence }: Batch<Input, Result>,
  inputs: readonly Input[],
  body: unknown,
  request: HubSpotRequest,
): BatchOutcome<Input, Result>[] {
  const schema = z.object({
    results: z.array(result).default([]),
    errors: z.array(standardError).default([]),
  });
  // Archiving has no body.
  const { results, errors } = readAnswer(schema, body ?? {}, request);
  const told = inputs.map((input, index) => ({
    input,
    result: results.find((it) => isResultOf(it, input, index)),
    error: errors.find((it) => isErrorOf?.(it, input, index)),
  }));
  const open = told.filter(({ result, error }) => result === undefined && error === undefined);
  // What is left over for the one input left over is its own: a record found by its second e-mail address shows the
  // first, and one error about one input may name none.
  const spare = results.filter((result) => told.every((it) => it.result !== result));
  const unclaimed = errors.find((error) => told.every((it) => it.error !== error));
  const rest = open.length === 1 ? { result: spare[0], error: unclaimed } : {};

  return told.map((it): BatchOutcome<Input, Result> => {
    const { result, error } = open.includes(it) ? rest : it;
    if (result !== undefined) return { input: it.input, result };
    if (error === undefined && silence !== undefined) return { input: it.input, result: silence };
    const message = detailed(error?.message ?? 'HubSpot did not say what became of it', error?.errors ?? []);
    return { input: it.input, failure: { message, category: error?.category } };
  });
}

const GIVE_UP_AFTER = 3;

const isTransient = (error: unknown) => error instanceof HubSpotError && error.transient;

const stopsAll = (error: unknown) =>
  !(error instanceof HubSpotError) || error.status === undefined || [401, 403, 429].includes(error.status);

const detailsOf = (error: unknown) => (error instanceof HubSpotError ? error.errors : []);

function detailed(message: string, errors: readonly { message?: string | undefined }[]): string {
  const details = errors.flatMap((error) => error.message ?? []).filter((text) => !message.includes(text));
  return details.length > 0 ? `${message} (${details.join('; ')})` : message;
}

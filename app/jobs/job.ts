import { notePlace } from '../base/definition-place.ts';
import type { Logger } from '../base/logger.ts';
import type { Db } from '../db/pool.ts';
import type { PortalClient } from '../hubspot/portal-client.ts';
import type { AppEvent, NewTimelineEvent } from '../timeline/index.ts';

/** A schema of zod, valibot, arktype or any other library that follows https://standardschema.dev. */
export interface PayloadSchema<Input = unknown, Payload = Input> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Payload> | Promise<SchemaResult<Payload>>;
    readonly types?: { readonly input: Input; readonly output: Payload } | undefined;
  };
}

type SchemaResult<Payload> =
  | { readonly value: Payload; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** Work for the worker process, which retries it until it succeeds. */
export interface Job<Input = unknown, Payload = Input> {
  /** Stored with every queued job: a renamed job does not run what was queued under its old name. */
  readonly name: string;
  /**
   * What it is about, as JSON: ids, never secrets or personal data. It is checked when the job is queued and again before
   * it runs. Without a schema the job has no payload.
   */
  readonly payload?: PayloadSchema<Input, Payload>;
  /** How often it is tried, with growing pauses; by default 25 times, which takes four days. */
  readonly maxAttempts?: number;
  /** Throw to have it retried. It may run twice when a process dies after the work: make it idempotent. */
  run(payload: Payload, context: JobContext): Promise<void>;
}

// biome-ignore lint/suspicious/noExplicitAny: the registry matches each job with payloads of its own schema.
export type AnyJob = Job<any, any>;

/** What a job's `payload` may be when it is queued. */
export type PayloadOf<J extends AnyJob> = J extends Job<infer Input, infer _Payload> ? Input : never;

export interface EnqueueOptions {
  /** Not before this moment. */
  readonly runAt?: Date;
  /** Queued jobs with one key are one job until it begins to run. Its payload is the last one. */
  readonly key?: string;
}

/**
 * Queues a job. In a webhook handler and in `transaction` it commits together with what they write, or not at all.
 * @throws {JobPayloadError} when the payload does not fit the job's schema.
 */
export type Enqueue = <Input, Payload>(
  job: Job<Input, Payload>,
  ...rest: unknown extends Input
    ? [payload?: undefined, options?: EnqueueOptions]
    : [payload: Input, options?: EnqueueOptions]
) => Promise<void>;

export interface JobContext {
  readonly log: Logger;
  /** HubSpot's APIs, authorised for a portal. */
  readonly hubspot: (portalId: number) => PortalClient;
  /** Puts an app event on a timeline of a portal. Give it an `id`, so that a retry sends no second event. */
  readonly sendTimelineEvent: <Type extends AppEvent = AppEvent>(
    portalId: number,
    event: NewTimelineEvent<Type>,
  ) => Promise<unknown>;
  /** Each statement commits by itself. */
  readonly db: Db;
  /** One transaction: all that is written and queued in it commits together. Call HubSpot before or after it. */
  readonly transaction: <T>(
    work: (tx: { readonly db: Db; readonly enqueue: Enqueue }) => Promise<T>,
  ) => Promise<T>;
  readonly enqueue: Enqueue;
  /** Aborted when the worker shuts down and does not wait longer; the job runs again later. */
  readonly signal: AbortSignal;
  /** The same for every attempt of this job. */
  readonly jobId: string;
  /** Counted from 1. */
  readonly attempt: number;
}

/** Types the payload of `run` by the schema. */
export function defineJob<Input, Payload>(job: Job<Input, Payload>): Job<Input, Payload> {
  return notePlace(job);
}

/** Runs a job at the times of a cron line (UTC), once however many workers there are. */
export interface ScheduledJob<J extends AnyJob = AnyJob> {
  readonly job: J;
  /** Five fields, such as `0 6 * * 1-5`; six with seconds. */
  readonly cron: string;
  readonly payload?: unknown;
}

/** A scheduled job whose payload is checked by the compiler. */
export type TypedScheduledJob<J extends AnyJob> = ScheduledJob<J> &
  (unknown extends PayloadOf<J> ? { readonly payload?: undefined } : { readonly payload: PayloadOf<J> });

/** A payload that does not fit its job's schema. */
export class JobPayloadError extends Error {
  override readonly name = 'JobPayloadError';
}

/**
 * The payload as `run` gets it.
 * @throws {JobPayloadError} naming the job and every problem, without the values.
 */
export async function parsePayload({ name, payload: schema }: AnyJob, value: unknown): Promise<unknown> {
  if (!schema) {
    if (value === undefined || value === null) return undefined;
    throw new JobPayloadError(`The job ${name} takes no payload: declare its schema in \`payload\`.`);
  }
  const result = await schema['~standard'].validate(value);
  if (!result.issues) return result.value;
  const problems = result.issues.map(({ message, path = [] }: SchemaIssue) => {
    const where = path.map((part) => String(typeof part === 'object' ? part.key : part)).join('.');
    return where ? `${where}: ${message}` : message;
  });
  throw new JobPayloadError(`The payload of the job ${name} does not fit: ${problems.join('; ')}`);
}

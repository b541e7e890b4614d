import { z } from 'zod';
import type { Batch } from '../client/batch.ts';
import type { StandardError } from '../client/error-body.ts';
import type { HubSpotRequest } from '../client/http.ts';
import { type CrmRecord, crmRecord, type NewAssociation } from './crm-record.ts';
import { HISTORY_LIMIT } from './property-history.ts';
import { asText, type PropertyValues } from './property-values.ts';

/** Documented maximum of inputs per request. */
const LIMIT = 100;

const traced = crmRecord.extend({ objectWriteTraceId: z.string().optional() });
const upserted = traced.extend({ new: z.boolean().optional() });

type Traced = z.output<typeof traced>;
type Upserted = z.output<typeof upserted>;

interface CreateInput {
  readonly properties: PropertyValues;
  readonly associations?: readonly NewAssociation[];
}

interface WriteInput {
  readonly id: string;
  readonly properties: PropertyValues;
}

export interface BatchReadQuery {
  readonly idProperty?: string | undefined;
  readonly propertiesWithHistory?: readonly string[] | undefined;
  readonly archived?: boolean | undefined;
}

/** The batches of one object type. Each write has a trace id, which makes HubSpot report errors per input. */
export function recordBatches(path: string) {
  const request = (
    verb: string,
    json: unknown,
    idempotent: boolean,
    query?: HubSpotRequest['query'],
  ): HubSpotRequest => ({
    method: 'POST',
    path: `${path}/batch/${verb}`,
    ...(query && { query }),
    json,
    idempotent,
  });

  return {
    read: (
      properties: readonly string[],
      { idProperty, propertiesWithHistory = [], archived = false }: BatchReadQuery = {},
    ): Batch<string, CrmRecord> => ({
      limit: propertiesWithHistory.length > 0 ? HISTORY_LIMIT : LIMIT,
      request: (ids) => {
        const json = {
          inputs: ids.map((id) => ({ id })),
          properties: idProperty ? [...new Set([...properties, idProperty])] : properties,
          propertiesWithHistory,
          ...(idProperty && { idProperty }),
        };
        return request('read', json, true, archived ? { archived } : undefined);
      },
      result: crmRecord,
      isResultOf: (record, id) => isRecord(record, id, idProperty),
      isErrorOf: isAboutId,
      renames: true,
    }),

    create: {
      limit: LIMIT,
      request: (inputs) =>
        request(
          'create',
          {
            inputs: inputs.map(({ properties, associations = [] }, index) => ({
              properties: asText(properties),
              associations,
              objectWriteTraceId: String(index),
            })),
          },
          false,
        ),
      result: traced,
      isResultOf: (record, _input, index) => record.objectWriteTraceId === String(index),
      isErrorOf: isAbout,
    } satisfies Batch<CreateInput, Traced> as Batch<CreateInput, Traced>,

    update: (idProperty?: string): Batch<WriteInput, Traced> => ({
      limit: LIMIT,
      request: (inputs) => request('update', { inputs: inputs.map(written(idProperty)) }, true),
      result: traced,
      isResultOf: (record, { id }, index) => isTraced(record, index) ?? isRecord(record, id, idProperty),
      isErrorOf: isAbout,
    }),

    /**
     * The unique property is written as well, so that results can be assigned to inputs. HubSpot rejects upserts
     * by e-mail address only as a whole, so those have no trace id.
     */
    upsert: (idProperty: string): Batch<WriteInput, Upserted> => ({
      limit: LIMIT,
      request: (inputs) =>
        request(
          'upsert',
          {
            inputs: inputs.map(({ id, properties }, index) => {
              const input = { id, properties: { ...properties, [idProperty]: id } };
              return written(idProperty)(input, idProperty === 'email' ? undefined : index);
            }),
          },
          true,
        ),
      result: upserted,
      isResultOf: (record, { id }, index) => isTraced(record, index) ?? isRecord(record, id, idProperty),
      isErrorOf: isAbout,
    }),

    archive: {
      limit: LIMIT,
      request: (ids) => request('archive', { inputs: ids.map((id) => ({ id })) }, true),
      result: z.literal(true),
      isResultOf: () => false,
      isErrorOf: isAboutId,
      silence: true,
    } satisfies Batch<string, true> as Batch<string, true>,
  };
}

const written =
  (idProperty: string | undefined) =>
  ({ id, properties }: WriteInput, index: number | undefined) => ({
    id,
    ...(idProperty && { idProperty }),
    properties: asText(properties),
    ...(index !== undefined && { objectWriteTraceId: String(index) }),
  });

const isTraced = ({ objectWriteTraceId: trace }: Traced, index: number) =>
  trace === undefined ? undefined : trace === String(index);

/** HubSpot stores e-mail addresses in lower case. */
const isRecord = (record: CrmRecord, id: string, idProperty = 'hs_object_id') =>
  idProperty === 'hs_object_id'
    ? record.id === id
    : record.properties[idProperty]?.toLowerCase() === id.trim().toLowerCase();

function isAbout(error: StandardError, _input: unknown, index: number): boolean {
  return error.context.objectWriteTraceId?.includes(String(index)) ?? false;
}

const isAboutId = ({ context }: StandardError, id: string) => context.ids?.includes(id) ?? false;

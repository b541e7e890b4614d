import type { Command } from 'commander';
import type { CrmRecord } from '../hubspot/apis/crm-record.ts';
import type { SearchFilter } from '../hubspot/apis/object-search.ts';
import type { PortalApis } from '../hubspot/portal-apis.ts';
import { type Tools, wholeNumber } from './command.ts';
import { addVerb, type ObjectGroup, recordsOf, type TypeOptions, typeOf } from './object-group.ts';
import { callHubSpot } from './portal-calls.ts';
import { isOfSeveral, namesOption, sortOption, whereOption } from './property-options.ts';
import { type Found, showHistory, showRecord, showRecords } from './show-records.ts';

interface ReadOptions extends TypeOptions {
  readonly properties?: readonly string[];
  readonly idProperty?: string;
  readonly associations?: readonly string[];
  readonly history?: readonly string[];
  readonly archived?: boolean;
  readonly limit?: number;
  readonly where?: readonly SearchFilter[];
  readonly query?: string;
  readonly sort?: ReturnType<typeof sortOption>;
}

const LIMIT = 100;

/** `get`, `list` and `search`. */
export function readCommands(group: Command, tools: Tools, type: ObjectGroup): void {
  const { area, singular } = type;
  const reading = (name: string, description: string) =>
    addVerb(group, type, name, description).option(
      '--properties <names>',
      'comma-separated properties to show',
      namesOption,
    );

  reading('get', `show a ${singular}`)
    .argument('<id>', 'its id, or its value of --id-property')
    .option('--id-property <name>', 'look the record up by this unique property')
    .option('--associations <types>', 'also show the ids of associated records of these types', namesOption)
    .option('--history <names>', 'show the history of these properties, newest first', namesOption)
    .option('--archived', 'show a deleted record')
    .action((id: string, options: ReadOptions) => {
      const { properties, idProperty, associations, archived, history } = options;
      const wanted = {
        ...(idProperty && { idProperty }),
        ...(associations && { associations }),
        ...(history && { propertiesWithHistory: history }),
        ...(archived && { archived }),
      };
      const show = history ? showHistory : showRecord;
      return callHubSpot(
        tools,
        options,
        (apis) => recordsOf(apis, type, options).get(id, properties, wanted),
        (record) => show(tools.output(), record),
      );
    });

  reading('list', `show ${area}, ordered by id`)
    .option('--archived', 'show deleted records')
    .option('--limit <number>', 'maximum number', wholeNumber(1), LIMIT)
    .action((options: ReadOptions) => {
      const { archived, properties, limit = LIMIT } = options;
      const wanted = {
        limit: pageOf(limit),
        ...(archived && { archived }),
        ...(properties && { properties }),
      };
      const read = (apis: PortalApis) => first(recordsOf(apis, type, options).list(wanted), limit);
      return callHubSpot(tools, options, read, (found) =>
        showRecords(tools.output(), found, typeOf(type, options)),
      );
    });

  reading('search', `find ${area}`)
    .option(
      '--where <filter>',
      'such as amount>=1000, stage=lead,customer, amount=10..20, email~example.com, phone, !phone; repeatable; all must match',
      whereOption,
    )
    .option('--query <words>', 'words in the default searchable properties')
    .option('--sort <property>', 'prefix - for descending order', sortOption)
    .option('--limit <number>', 'maximum number', wholeNumber(1), LIMIT)
    .action((options: ReadOptions) => {
      const { where = [], query, sort, properties, limit = LIMIT } = options;
      const wanted = {
        filters: where,
        query,
        limit: pageOf(limit),
        ...(sort && { sort }),
        ...(properties && { properties }),
      };
      return callHubSpot(
        tools,
        options,
        (apis) => first(recordsOf(apis, type, options).search(wanted), limit),
        (found) => {
          showRecords(tools.output(), found, typeOf(type, options));
          if (found.records.length === 0 && where.some(isOfSeveral)) {
            tools
              .output()
              .note('Commas separate values and .. is a range; quote a single value: name="Doe, Jane".');
          }
        },
      );
    });
}

/** One more than is shown, to tell whether there are more. At most 100, the maximum page size of a list. */
const pageOf = (limit: number) => Math.min(limit + 1, 100);

async function first(all: AsyncIterable<CrmRecord>, limit: number): Promise<Found> {
  const records: CrmRecord[] = [];
  for await (const record of all) {
    if (records.length === limit) return { records, more: true };
    records.push(record);
  }
  return { records, more: false };
}

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
      'properties to show, separated by commas',
      namesOption,
    );

  reading('get', `show a ${singular}`)
    .argument('<id>', 'its id, or its value of --id-property')
    .option('--id-property <name>', 'a property whose values are unique')
    .option('--associations <types>', 'types of records whose ids are shown along', namesOption)
    .option('--history <names>', 'show what these properties were, newest first', namesOption)
    .option('--archived', 'read from the recycle bin')
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

  reading('list', `show ${area} in the order of their ids`)
    .option('--archived', 'those in the recycle bin')
    .option('--limit <number>', 'how many at most', wholeNumber(1), LIMIT)
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
      'such as amount>=1000, stage=lead,customer, amount=10..20, email~example.com, phone, !phone; may be given several times, and all must hold',
      whereOption,
    )
    .option('--query <words>', 'words in the properties that HubSpot searches by default')
    .option('--sort <property>', 'with - before it, the greatest first', sortOption)
    .option('--limit <number>', 'how many at most', wholeNumber(1), LIMIT)
    .action((options: ReadOptions) => {
      const { where = [], query, sort, properties, limit = LIMIT } = options;
      const wanted = {
        ...{ filters: where, query, limit: pageOf(limit) },
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
              .note('Commas separate values and .. makes a range; quote one value: name="Doe, Jane".');
          }
        },
      );
    });
}

/** One more than is shown, which tells whether there are more; 100 at most, as a list has no larger pages. */
const pageOf = (limit: number) => Math.min(limit + 1, 100);

async function first(all: AsyncIterable<CrmRecord>, limit: number): Promise<Found> {
  const records: CrmRecord[] = [];
  for await (const record of all) {
    if (records.length === limit) return { records, more: true };
    records.push(record);
  }
  return { records, more: false };
}

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { AppError } from '../../base/errors.ts';
import { parseJsonFile } from '../../base/json-file.ts';
import { reasonOf } from '../../base/reason-of.ts';
import { objectTypeName, subscriptionKey, type WantedSubscription } from './wanted.ts';

const FILE = 'src/app/webhooks/webhooks-hsmeta.json';

const entry = z.looseObject({
  subscriptionType: z.string(),
  objectType: z.string().optional(),
  propertyName: z.string().optional(),
  active: z.boolean(),
});
const entries = z.array(entry).default([]);

/** Unknown fields are HubSpot's or the vendor's and stay unchanged. */
const projectFile = z.looseObject({
  uid: z.string(),
  type: z.literal('webhooks'),
  config: z.looseObject({
    settings: z.looseObject({ targetUrl: z.string(), maxConcurrentRequests: z.number().int() }),
    subscriptions: z.looseObject({ crmObjects: entries, legacyCrmObjects: entries, hubEvents: entries }),
  }),
});

type Entry = z.output<typeof entry>;
type Kind = 'crmObjects' | 'legacyCrmObjects' | 'hubEvents';

const KINDS: readonly Kind[] = ['crmObjects', 'legacyCrmObjects', 'hubEvents'];

const EMPTY = {
  uid: 'webhooks',
  type: 'webhooks',
  config: {
    settings: { targetUrl: 'https://app.example.com/webhook', maxConcurrentRequests: 10 },
    subscriptions: {},
  },
};

export interface ProjectFileChange {
  readonly file: string;
  /** False when the file already declared everything. */
  readonly written: boolean;
  readonly targetUrl: string;
  readonly added: readonly string[];
  readonly activated: readonly string[];
  readonly removed: readonly string[];
  /** Declared in the file without a handler, and kept. */
  readonly undeclared: readonly string[];
}

/**
 * Writes the wanted subscriptions into a project's webhooks file.
 * @param targetUrl undefined keeps the target URL of the file.
 */
export async function changeProjectFile(
  folder: string,
  wanted: readonly WantedSubscription[],
  { targetUrl, deleteUndeclared }: { targetUrl: string | undefined; deleteUndeclared: boolean },
): Promise<ProjectFileChange> {
  const file = path.join(folder, FILE);
  const before = await read(folder, file);
  const changed = { added: [] as string[], activated: [] as string[], removed: [] as string[] };
  const undeclared: string[] = [];
  const left = new Map(wanted.map((subscription) => [subscriptionKey(subscription), subscription]));

  const kept = (declared: readonly Entry[]) =>
    declared.flatMap((given): Entry[] => {
      const key = keyOf(given);
      if (left.delete(key)) {
        if (!given.active) changed.activated.push(key);
        return [{ ...given, active: true }];
      }
      (deleteUndeclared ? changed.removed : undeclared).push(key);
      return deleteUndeclared ? [] : [given];
    });

  const declared = before?.config.subscriptions;
  const lists = Object.fromEntries(KINDS.map((kind) => [kind, kept(declared?.[kind] ?? [])])) as Record<
    Kind,
    Entry[]
  >;
  for (const [key, subscription] of left) {
    lists[kindOf(subscription.eventType)].push(toEntry(subscription));
    changed.added.push(key);
  }
  const base = before ?? projectFile.parse(EMPTY);
  const settings = { ...base.config.settings, ...(targetUrl && { targetUrl }) };
  const subscriptions = { ...base.config.subscriptions, ...lists };
  const after = { ...base, config: { ...base.config, settings, subscriptions } };
  const written = !isDeepStrictEqual(before, after);
  if (written) {
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, `${JSON.stringify(after, null, 2)}\n`);
  }
  return { file, written, targetUrl: settings.targetUrl, ...changed, undeclared };
}

async function read(folder: string, file: string): Promise<z.output<typeof projectFile> | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT')
      throw new AppError(409, 'project_file_unreadable', `${file} cannot be read: ${code}.`);
    await readFile(path.join(folder, 'hsproject.json')).catch(() => {
      throw new AppError(404, 'no_project', `There is no HubSpot project (hsproject.json) in ${folder}.`);
    });
    return undefined;
  }
  try {
    return projectFile.parse(parseJsonFile(file, text));
  } catch (cause) {
    const problem =
      cause instanceof z.ZodError
        ? `${file} is not a valid webhooks file:\n${z.prettifyError(cause)}`
        : reasonOf(cause);
    throw new AppError(409, 'project_file_unreadable', problem);
  }
}

const keyOf = ({ subscriptionType, objectType, propertyName }: Entry) =>
  subscriptionKey({ eventType: subscriptionType, objectTypeId: objectType?.toLowerCase(), propertyName });

function kindOf(eventType: string): Kind {
  if (eventType.startsWith('object.')) return 'crmObjects';
  if (eventType === 'contact.privacyDeletion' || eventType.startsWith('conversation.')) return 'hubEvents';
  return 'legacyCrmObjects';
}

const toEntry = ({ eventType, objectTypeId, propertyName }: WantedSubscription): Entry => ({
  subscriptionType: eventType,
  ...(objectTypeId && { objectType: objectTypeName(objectTypeId) }),
  ...(propertyName && { propertyName }),
  active: true,
});

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const appFile = z.object({
  config: z.object({
    name: z.string(),
    description: z.string().default(''),
    auth: z.object({
      requiredScopes: z.array(z.string()),
      optionalScopes: z.array(z.string()).default([]),
      conditionallyRequiredScopes: z.array(z.string()).default([]),
    }),
  }),
});

const subscription = z.object({
  subscriptionType: z.string(),
  objectType: z.string().optional(),
  propertyName: z.string().optional(),
  active: z.boolean(),
});

const webhooksFile = z.object({
  config: z.object({
    settings: z.object({ maxConcurrentRequests: z.number().int() }),
    subscriptions: z.object({
      crmObjects: z.array(subscription).default([]),
      legacyCrmObjects: z.array(subscription).default([]),
      hubEvents: z.array(subscription).default([]),
    }),
  }),
});

/** In HubSpot's spelling; HubSpot accepts no other and does not allow changes. */
const EVENT_OBJECT_TYPES = ['CONTACT', 'COMPANY', 'DEAL', 'TICKET'] as const;

const appEventFile = z.object({
  uid: z.string(),
  config: z.object({
    name: z.string(),
    objectType: z.enum(EVENT_OBJECT_TYPES),
    headerTemplate: z.string().default(''),
    detailTemplate: z.string().default(''),
    properties: z.array(
      z.object({
        name: z.string(),
        label: z.string(),
        type: z.enum(['string', 'number', 'date', 'datetime', 'enumeration', 'bool']),
        options: z.array(z.object({ value: z.string(), label: z.string() })).default([]),
      }),
    ),
  }),
});

export type Subscription = z.infer<typeof subscription> & { subscriptionId: number };
export type AppEventType = z.infer<typeof appEventFile>['config'] & { uid: string };

/** The content of a vendor's project folder, as HubSpot knows it after `hs project upload`. */
export interface Project {
  projectName: string;
  appName: string;
  appDescription: string;
  requiredScopes: string[];
  optionalScopes: string[];
  subscriptions: Subscription[];
  maxConcurrentRequests: number;
  appEventTypes: AppEventType[];
}

const defaultFolder = fileURLToPath(new URL('../../hubspot-project', import.meta.url));

/** Reads a HubSpot developer-platform project folder. Throws with the path of an invalid file. */
export function readProject(folder: string = defaultFolder): Project {
  const { name, srcDir } = parseFile(
    join(folder, 'hsproject.json'),
    z.object({ name: z.string(), srcDir: z.string() }),
  );
  const appFolder = join(folder, srcDir, 'app');
  const app = parseFile(join(appFolder, 'app-hsmeta.json'), appFile).config;
  const webhooks = metaFiles(join(appFolder, 'webhooks')).map((file) => parseFile(file, webhooksFile).config);
  const events = metaFiles(join(appFolder, 'app-events')).map((file) => parseFile(file, appEventFile));

  const declared = webhooks.flatMap(({ subscriptions: { crmObjects, legacyCrmObjects, hubEvents } }) => [
    ...crmObjects,
    ...legacyCrmObjects,
    ...hubEvents,
  ]);

  return {
    projectName: name,
    appName: app.name,
    appDescription: app.description,
    requiredScopes: app.auth.requiredScopes,
    optionalScopes: [...app.auth.optionalScopes, ...app.auth.conditionallyRequiredScopes],
    subscriptions: declared.map((entry, index) => ({ ...entry, subscriptionId: 2_500_001 + index })),
    maxConcurrentRequests: webhooks[0]?.settings.maxConcurrentRequests ?? 10,
    appEventTypes: events.map(({ uid, config }) => ({ uid, ...config })),
  };
}

function metaFiles(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => file.endsWith('-hsmeta.json'))
    .map((file) => join(folder, file));
}

function parseFile<T>(file: string, schema: z.ZodType<T>): T {
  const parsed = schema.safeParse(readJson(file));
  if (!parsed.success) throw new Error(`${file} is not valid:\n${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new Error(`${file} cannot be read: ${error instanceof Error ? error.message : error}`);
  }
}

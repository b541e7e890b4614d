import { apiKeyCommands } from './api-keys.ts';
import { apiVersionCommands } from './api-versions.ts';
import type { CommandGroup } from './command.ts';
import { crmCommands } from './crm.ts';
import { installCommands } from './installs.ts';
import { keyCommands } from './keys.ts';
import { privacyCommands } from './privacy.ts';
import { webhookCommands } from './webhooks.ts';

/** `npm run hubspot -- <group> <verb>`: one file per group. */
export const GROUPS: readonly CommandGroup[] = [
  installCommands,
  keyCommands,
  apiKeyCommands,
  webhookCommands,
  privacyCommands,
  apiVersionCommands,
  ...crmCommands,
];

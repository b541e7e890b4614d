import { accountCommands } from './account.ts';
import { associationCommands } from './associations.ts';
import type { CommandGroup } from './command.ts';
import { companyCommands } from './companies.ts';
import { contactCommands } from './contacts.ts';
import { dealCommands } from './deals.ts';
import { engagementCommands } from './engagements.ts';
import { listCommands } from './lists.ts';
import { anyObjectCommands } from './objects.ts';
import { pipelineCommands } from './pipelines.ts';
import { schemaCommands } from './schemas.ts';
import { ticketCommands } from './tickets.ts';

/** The groups of commands that call HubSpot's CRM for one portal. */
export const crmCommands: readonly CommandGroup[] = [
  contactCommands,
  companyCommands,
  dealCommands,
  ticketCommands,
  engagementCommands,
  anyObjectCommands,
  schemaCommands,
  associationCommands,
  pipelineCommands,
  listCommands,
  accountCommands,
];

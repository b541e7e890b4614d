import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Command } from 'commander';
import { crmCommands } from '../../app/cli/crm.ts';
import { GROUPS } from '../../app/cli/groups.ts';
import { type CrmWorld, startCrmWorld } from '../helpers/crm-world.ts';
import { hasTerminals, hubspotAnswering } from './hubspot-command.ts';
import { runInProcess } from './in-process.ts';

/** Commands that read, or write what can be written again. Every other one is confirmed. */
const UNCONFIRMED = new Set([
  ...['list', 'get', 'search', 'show', 'get-by-email', 'get-by-domain', 'labels', 'limits', 'limit'],
  ...[
    'changed',
    'members',
    'of',
    'get-by-name',
    'create',
    'create-or-update',
    'create-or-update-by-domain',
    'update',
    'update-by-email',
    'import',
    'create-label',
    'pipelines',
  ],
  ...['create-stage', 'update-stage', 'refresh', 'reconnect-link', 'generate', 'rotate', 'dead', 'refused'],
  ...['receipts', 'api-versions', 'add'],
]);

/** Every command with its group: `contacts delete`. */
function allCommands(): { line: string; command: Command }[] {
  const program = new Command();
  const unused = () => {
    throw new Error('Nothing is run.');
  };
  const tools = {
    output: unused,
    withContext: unused,
    confirm: unused,
    readSecret: unused,
    projectSubscriptions: unused,
  };
  for (const group of GROUPS) group(program, tools);
  const leaves = (command: Command, line: string): { line: string; command: Command }[] =>
    command.commands.length === 0
      ? [{ line, command }]
      : command.commands.flatMap((it) => leaves(it, `${line} ${it.name()}`.trim()));
  return leaves(program, '');
}

describe('a command that deletes or repeats something', () => {
  let world: CrmWorld;
  beforeAll(async () => {
    world = await startCrmWorld();
  });
  afterAll(() => world.close());

  it('has --yes, and no other command does', () => {
    const confirmed = allCommands().filter(({ command }) =>
      command.options.some(({ long }) => long === '--yes'),
    );
    const others = allCommands().filter(({ line }) => !UNCONFIRMED.has(line.split(' ').at(-1) ?? ''));
    expect(confirmed.map(({ line }) => line)).toEqual(others.map(({ line }) => line));
  });

  it.each([
    [
      'contacts delete 102',
      'This deletes the contact 102; HubSpot keeps deleted records in its recycle bin for 90 days.',
    ],
    ['emails delete 1', 'This deletes the e-mail 1; HubSpot does not keep e-mails in its recycle bin.'],
    [
      'companies merge 301 302',
      'This merges record 302 into record 301 (companies), which cannot be undone.',
    ],
    ['contacts gdpr-delete jane@example.com', 'This permanently erases the contact jane@example.com.'],
    [
      'associations delete contacts:101 companies:301',
      'This removes every association between contacts:101 and companies:301.',
    ],
    [
      'associations delete-label contacts companies 7',
      'This permanently deletes the label 7 and the associations without another label.',
    ],
    ['pipelines delete deals default', 'This deletes the pipeline default of the deals and its stages.'],
    [
      'pipelines delete-stage deals default closedwon',
      'This deletes the stage closedwon of the pipeline default of the deals.',
    ],
  ])('sends nothing without a terminal and --yes: %s', async (line, consequence) => {
    const requests = await world.requestsOf(async () => {
      const { problem } = await runInProcess(world.ctx, crmCommands, ...line.split(' '));
      expect(problem?.message).toBe(`${consequence} Nothing was done: add --yes to confirm.`);
    });
    expect(requests).toEqual([]);
    const rehearsal = await runInProcess(world.ctx, crmCommands, ...line.split(' '), '--dry-run');
    expect(rehearsal.output).toContain('Nothing was sent.');
  });

  it('does not revoke an API key without --yes', async () => {
    const { id } = await world.ctx.services.apiKeys.create('a key', null);
    const revoke = (...args: string[]) => runInProcess(world.ctx, GROUPS, 'api-keys', 'revoke', ...args);
    expect((await revoke(id)).problem?.message).toMatch(
      /^This revokes the key .* Nothing was done: add --yes/,
    );
    expect(await world.ctx.services.apiKeys.list()).toMatchObject([{ id, revokedAt: null }]);
    expect((await revoke(id, '--yes')).output).toBe(`The key ${id} is revoked.`);
  });

  (hasTerminals ? describe : describe.skip)('asks in a terminal', () => {
    const remove = (keys: string, id: string) =>
      hubspotAnswering(keys, world.settings, 'contacts', 'delete', id);
    const isThere = async (id: string) =>
      (await runInProcess(world.ctx, crmCommands, 'contacts', 'get', id)).problem === undefined;

    it.each([
      ['no', 'n\r'],
      ['nothing', '\r'],
      ['another word', 'yesterday\r'],
      ['Ctrl-C', '\u0003'],
      ['Ctrl-D', '\u0004'],
    ])('does nothing when the answer is %s', async (_what, keys) => {
      const { code, output } = await remove(keys, '103');
      expect([code, output]).toEqual([1, expect.stringContaining('Nothing was done.')]);
      expect(await isThere('103')).toBe(true);
    });

    it.each([
      ['y', '103'],
      ['YES', '104'],
    ])('runs when the answer is %s', async (answer, id) => {
      const { code, output } = await remove(`${answer}\r`, id);
      expect([code, output]).toEqual([0, expect.stringContaining(`The contact ${id} is deleted.`)]);
      expect(await isThere(id)).toBe(false);
    });
  });
});

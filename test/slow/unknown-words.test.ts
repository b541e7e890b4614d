import { describe, expect, it } from '@jest/globals';
import { hubspotCommand } from '../cli/hubspot-command.ts';

const run = (line: string) => hubspotCommand({}, ...line.split(' '));

describe('npm run hubspot -- with an unknown word', () => {
  it.each([
    ['contact', "unknown command 'contact'", 'contacts'],
    ['contact list', "unknown command 'contact'", 'contacts'],
    ['instals show 62515', "unknown command 'instals'", 'installs'],
    ['--verbose webhook list', "unknown command 'webhook'", 'webhooks'],
    ['installs lst', "unknown command 'lst'", 'list'],
    ['webhooks replai', "unknown command 'replai'", 'replay'],
    ['--verbos installs list', "unknown option '--verbos'", '--verbose'],
    ['installs --jsn', "unknown option '--jsn'", '--json'],
    ['installs list --stat active', "unknown option '--stat'", '--state'],
    ['contacts get 1 --propertys a', "unknown option '--propertys'", '--properties'],
  ])('%s: names it and the closest known one, with and without --help', async (line, error, nearest) => {
    const lines = [
      line,
      `${line} --help`,
      `${line} -h`,
      ...(error.includes('command') ? [`help ${line}`] : []),
    ];
    for (const { code, output, errors } of await Promise.all(lines.map(run))) {
      expect([code, output]).toEqual([1, '']);
      expect(errors).toMatch(
        new RegExp(`^error: ${error}\\n\\(Did you mean (one of )?.*${nearest}.*\\?\\)\\n`),
      );
    }
  });

  it('prints the help of known commands, with exit code 0', async () => {
    const known = ['--help', '-h', 'installs --help', 'installs show --help', 'installs show 1 --help'];
    for (const { code, output, errors } of await Promise.all(known.map(run))) {
      expect([code, errors]).toEqual([0, '']);
      expect(output).toContain('Usage: npm run hubspot --');
    }
  });
});

import { randomBytes, randomInt } from 'node:crypto';
import { InvalidArgumentError } from 'commander';
import { isKeyId } from '../db/key-ring.ts';
import { type CommandGroup, ProblemError } from './command.ts';

export const keyCommands: CommandGroup = (program, { withContext, output }) => {
  const group = program.command('keys').description('encryption keys of the token store (TOKEN_KEYS)');

  group
    .command('generate')
    .description('generate a key; put it first in TOKEN_KEYS, before the current one')
    .option('--id <id>', 'name of the key; default: the date and a random number', keyIdArgument)
    .action(({ id = newKeyId() }: { id?: string }) => {
      const key = `${id}:${randomBytes(32).toString('base64url')}`;
      output().done(key, { key });
    });

  group
    .command('list')
    .description('list the keys in TOKEN_KEYS and how many installs need each')
    .action(async () => {
      const rows = await withContext(async ({ config, services }) => {
        const use = await services.keys.use();
        return config.tokenKeys.map(({ id }, index) => ({
          key: id,
          role: index === 0 ? 'encrypts' : 'only decrypts',
          installs: use.get(id) ?? 0,
        }));
      });
      output().list(rows, ['key', 'role', 'installs'], '');
    });

  group
    .command('rotate')
    .description('re-encrypt every stored token with the newest key, while the server runs')
    .action(async () => {
      const out = output();
      const { written, retired, unreadable } = await withContext(({ services: { keys } }) =>
        out.progress('installs', async (bar) => {
          bar.start(await keys.toRotate());
          return keys.rotate(bar.at);
        }),
      );
      const next =
        retired.length > 0
          ? ` No value needs ${retired.join(', ')} any more: remove it from TOKEN_KEYS.`
          : '';
      out.done(`The tokens of ${written} installs were re-encrypted.${next}`, {
        written,
        retired,
        unreadable,
      });
      if (unreadable.length > 0) {
        throw new ProblemError(
          `No key decrypts the tokens of portal ${unreadable.join(', ')}: they were altered or copied from another row. ` +
            'They are as they were, and the older keys stay in use. Disconnect these portals, or have them install ' +
            'again (`installs reconnect-link`), then run this again.',
        );
      }
    });
};

/** Avoids equal names for two keys of one day. */
function newKeyId(): string {
  const day = new Date().toISOString().slice(0, 10).replaceAll('-', '');
  return `k${day}-${randomInt(1_000_000)}`;
}

function keyIdArgument(text: string): string {
  if (!isKeyId(text)) throw new InvalidArgumentError('It must be 1 to 32 letters, digits, "-" and "_".');
  return text;
}

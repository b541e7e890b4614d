import { describe, expect, it } from '@jest/globals';
import { ATTACK, LACKS_SCOPES, open, PROGRAM, useInstallBrowser } from './install-browser.ts';

const app = useInstallBrowser();
const { callback, finalize, stateOf } = app;

describe('the error of a callback', () => {
  const lines = () => app.log.lines.filter(({ msg }) => msg === 'HubSpot ended an install with an error');
  const shown = async (url: string) => {
    const text = (await open(url)).text;
    return /Reason given: “(.*?)”/.exec(text)?.[1];
  };

  it.each<{ what: string; query: () => Promise<Record<string, string>> }>([
    { what: 'with a state of ours', query: stateOf },
    { what: 'with a state that is not ours', query: async () => ({ state: 'made-up-state' }) },
    { what: 'with no state', query: async () => ({}) },
    {
      what: 'from the marketplace',
      query: async () => ({ returnUrl: 'https://app.hubspot.com/integrations' }),
    },
    {
      what: 'after the sign-in',
      query: async () => ({ ...Object.fromEntries(new URL((await finalize()).url).searchParams), code: '' }),
    },
  ])('is shown on the page, in the JSON and in the log: $what', async ({ query }) => {
    const url = callback({ ...(await query()), error: 'invalid_scope', error_description: LACKS_SCOPES });
    const said = `invalid_scope: ${LACKS_SCOPES}`;
    const before = lines().length;
    expect(await shown(url)).toBe(said);
    const { body } = await open(url, PROGRAM);
    expect(body.error.message).toContain(`Reason given: “${said}”`);
    expect(lines().slice(before)).toMatchObject([
      { level: 40, reason: said, requestId: expect.any(String) },
      { level: 40, reason: said },
    ]);
  });

  it('is shown as one line of text, without invisible characters and closing quotes', async () => {
    const written = `a\u0000b\u202ec\r\nd\u200be ”f“ ${ATTACK}`;
    const url = callback({ error: ATTACK, error_description: written, ...(await stateOf()) });
    const text = (await open(url)).text;
    for (const part of ['<img src=x', '<script>alert', '\0', '\u202e', '\u200b'])
      expect(text).not.toContain(part);
    expect(text).toContain(
      '&lt;script&gt;alert(2)&lt;/script&gt;: a b c d e &quot;f&quot; &quot;&gt;&lt;img',
    );
  });

  it('is truncated', async () => {
    const url = callback({ error: 'e'.repeat(3_000), error_description: '😀'.repeat(1_000) });
    expect(await shown(url)).toBe(`${'e'.repeat(100)}…: ${'😀'.repeat(400)}…`);
    expect(String(lines().at(-1)?.reason).length).toBeLessThan(1_000);
  });

  it('repeats no secret, and no e-mail address in the log', async () => {
    const { state } = await stateOf();
    const written = `jane@example.com may not: ${state} some-code sandbox-client-secret`;
    const query = { error: 'server_error', error_description: written, state, code: 'some-code' };
    expect(await shown(callback(query))).toBe('server_error: jane@example.com may not: … … …');
    expect(lines().at(-1)?.reason).toBe('server_error: :email may not: … … …');
    expect(JSON.stringify(app.log.lines)).not.toMatch(/jane@example|sandbox-client-secret/);
  });

  it('is ignored when it is repeated or empty', async () => {
    for (const query of ['error=a&error=b', 'error=', 'error_description=x']) {
      const answer = await open(`${app.world.serverUrl}/oauth-callback?${query}`, PROGRAM);
      expect(answer.body).toMatchObject({ error: { code: 'callback_incomplete' } });
    }
  });
});

import { describe, expect, it } from '@jest/globals';
import { ATTACK, locationOf, take, useInstallBrowser } from './install-browser.ts';

const app = useInstallBrowser();
const { signIn, signInPage } = app;

describe('the partner sign-in', () => {
  it.each<{ what: string; form: Record<string, string> }>([
    { what: 'with a wrong key', form: { key: 'not-the-key-not-the-key-not-the-key' } },
    { what: 'with no key', form: { key: '' } },
    { what: 'with no name', form: { user: '   ' } },
  ])('$what is answered with the form and 401', async ({ form }) => {
    const page = await signInPage();
    const answer = await take(signIn(page, form));
    expect(answer.status).toBe(401);
    const text = answer.text;
    expect(text).toContain('That name and key do not go together.');
    expect(text).toContain(page.token);
    expect(text).not.toContain('not-the-key');
    expect((await take(signIn(page))).status).toBe(303);
  });

  it('keeps the name, escaped, when it fails', async () => {
    const answer = await take(signIn(await signInPage(), { user: `Zoë ${ATTACK}`, key: 'wrong' }));
    const text = answer.text;
    expect(text).toContain('value="Zoë &quot;&gt;&lt;img');
    expect(text).not.toContain('<img src=x');
  });

  it('fails with a key that is limited to one portal', async () => {
    const { key } = await app.world.ctx.services.apiKeys.create('limited', 62515);
    expect((await take(signIn(await signInPage(), { key }))).status).toBe(401);
  });

  it('rejects missing fields and a body that is too large', async () => {
    const { cookie } = await signInPage();
    const url = `${app.world.serverUrl}/partner-sign-in`;
    const send = (form: Record<string, string>) => take({ url, cookie, form });
    expect((await send({ user: 'Jane' })).status).toBe(400);
    expect((await send({ user: 'x'.repeat(20_000) })).status).toBe(413);
  });

  it('keeps the query of the return address', async () => {
    const page = await signInPage();
    const returnUrl = `${app.world.sandboxUrl}/marketplace/return/x?a=1&b=%2F%3F&state=theirs#top`;
    const target = new URL(locationOf(await take(signIn({ ...page, returnUrl }))));
    expect(target.searchParams.getAll('state')).toEqual([expect.stringMatching(/^[\w-]{43}$/)]);
    expect([target.searchParams.get('a'), target.searchParams.get('b'), target.hash]).toEqual([
      '1',
      '/?',
      '#top',
    ]);
  });
});

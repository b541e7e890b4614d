import { describe, expect, it } from '@jest/globals';
import express from 'express';
import request from 'supertest';
import { browserOf, formToken, isFormToken, nameBrowser } from '../../app/installs/browser-cookie.ts';

const SECRET = 'test-session-secret-test-session-secret';

describe('the browser cookie', () => {
  const app = express()
    .get('/name', (req, res) => res.json(nameBrowser(req, res)))
    .get('/read', (req, res) => res.json(browserOf(req) ?? null));

  async function named() {
    const { headers, body } = await request(app).get('/name');
    const [cookie = ''] = headers['set-cookie'] ?? [];
    return { cookie: cookie as string, browser: body as string };
  }
  const read = async (cookie: string) => (await request(app).get('/read').set('Cookie', cookie)).body;

  it('is hidden from scripts, sent over TLS only, lives an hour, and is sent from HubSpot’s pages', async () => {
    const { cookie, browser } = await named();
    const [pair, ...attributes] = cookie.split('; ');
    expect(pair).toMatch(new RegExp(`^\\w+=${browser}$`));
    expect(attributes).toEqual(
      expect.arrayContaining(['HttpOnly', 'Secure', 'SameSite=None', 'Max-Age=3600', 'Path=/']),
    );
  });

  it('is found among other cookies, and ignored in any other form', async () => {
    const { cookie, browser } = await named();
    const [pair = ''] = cookie.split('; ');
    const [name = ''] = pair.split('=');
    expect(await read(`first=1; ${pair};  last=2`)).toBe(browser);
    expect(await read(`other=${browser}`)).toBeNull();
    for (const value of ['', 'short', `${browser}x`, `${browser.slice(1)}!`])
      expect(await read(`${name}=${value}`)).toBeNull();
  });

  it('has its own form token', async () => {
    const [one, other] = [(await named()).browser, (await named()).browser];
    const token = formToken(one, SECRET);
    expect(isFormToken(token, one, SECRET)).toBe(true);
    for (const wrong of [
      '',
      token.slice(1),
      `${token}x`,
      token.replace(/^./, (it) => (it === 'A' ? 'B' : 'A')),
    ])
      expect(isFormToken(wrong, one, SECRET)).toBe(false);
    expect(isFormToken(token, other, SECRET)).toBe(false);
    expect(isFormToken(token, one, `${SECRET}x`)).toBe(false);
  });
});

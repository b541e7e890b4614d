import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Request, Response } from 'express';

const NAME = 'partner_flow';
const FORMAT = /^[A-Za-z0-9_-]{43}$/;

/**
 * A random id of this browser. Only the partner sign-in needs it: its state belongs to a user, and must not be used in
 * another person's browser. HubSpot opens these pages from its own site, hence SameSite=None.
 */
export function browserOf(req: Request): string | undefined {
  const cookies = (req.get('cookie') ?? '').split(';').map((cookie) => cookie.trim().split('='));
  const value = cookies.find(([name]) => name === NAME)?.[1];
  return value && FORMAT.test(value) ? value : undefined;
}

export function nameBrowser(req: Request, res: Response): string {
  const browser = browserOf(req) ?? randomBytes(32).toString('base64url');
  res.cookie(NAME, browser, { httpOnly: true, secure: true, sameSite: 'none', maxAge: 60 * 60 * 1000 });
  return browser;
}

export const hashBrowser = (browser: string) => createHash('sha256').update(browser).digest();

/** Binds a form to the browser that it was shown in, against cross-site request forgery. */
export const formToken = (browser: string, secret: string) =>
  createHmac('sha256', secret).update(`partner-form:${browser}`).digest('base64url');

export function isFormToken(given: string, browser: string, secret: string): boolean {
  const a = Buffer.from(given);
  const b = Buffer.from(formToken(browser, secret));
  return a.length === b.length && timingSafeEqual(a, b);
}

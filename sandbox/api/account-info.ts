import { Router } from 'express';
import type { SandboxContext } from '../context.ts';
import { notFound } from './api-error.ts';
import { accessOf } from './bearer.ts';

/** Details of the portal that the access token belongs to. */
export function accountInfoApi({ portals }: SandboxContext): Router {
  const router = Router();
  const paths = ['v3', '2026-03', '2026-09'].map((version) => `/account-info/${version}/details`);

  router.get(paths, (_req, res) => {
    const portal = portals.find(accessOf(res).portalId);
    if (!portal) throw notFound('The account does not exist.');
    const { utcOffset, milliseconds } = offsetOf(portal.timeZone);
    res.json({
      portalId: portal.portalId,
      accountType: 'DEVELOPER_TEST',
      timeZone: portal.timeZone,
      companyCurrency: 'USD',
      additionalCurrencies: [],
      utcOffset,
      utcOffsetMilliseconds: milliseconds,
      uiDomain: 'app.hubspot.com',
      dataHostingLocation: 'na1',
    });
  });

  return router;
}

function offsetOf(timeZone: string): { utcOffset: string; milliseconds: number } {
  const parts = new Intl.DateTimeFormat('en', { timeZone, timeZoneName: 'longOffset' }).formatToParts();
  const name = parts.find(({ type }) => type === 'timeZoneName')?.value ?? 'GMT';
  const [, sign = '+', hours = '00', minutes = '00'] = /GMT([+-])(\d\d):(\d\d)/.exec(name) ?? [];
  const milliseconds = (Number(hours) * 60 + Number(minutes)) * 60_000 * (sign === '-' ? -1 : 1);
  return { utcOffset: `${sign}${hours}:${minutes}`, milliseconds };
}

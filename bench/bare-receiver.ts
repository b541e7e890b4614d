import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import express from 'express';

/**
 * The yardstick: the same Express that parses the body, checks one HMAC, and stores nothing. `json` parses it as
 * HubSpot's samples do, and keeps the bytes for the HMAC; `bytes` only collects it.
 */
const [port = '0', serverUrl = '', secret = '', body = 'json'] = process.argv.slice(2);
const rawBodies = new WeakMap<IncomingMessage, Buffer>();
const limit = '1mb';
const parse =
  body === 'json'
    ? express.json({ limit, verify: (req, _res, bytes) => void rawBodies.set(req, bytes) })
    : express.raw({ limit, type: () => true });

const app = express();
app.disable('x-powered-by');
app.post('/webhook', parse, (req, res) => {
  const timestamp = req.get('x-hubspot-request-timestamp') ?? '';
  const expected = createHmac('sha256', secret)
    .update(`POST${serverUrl}${req.originalUrl}`)
    .update(rawBodies.get(req) ?? req.body)
    .update(timestamp)
    .digest('base64');
  const given = Buffer.from(req.get('x-hubspot-signature-v3') ?? '');
  const good = given.length === expected.length && timingSafeEqual(given, Buffer.from(expected));
  res.status(good ? 204 : 401).end();
});
app.listen(Number(port), () => process.send?.('ready'));

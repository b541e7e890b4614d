import { createHmac, timingSafeEqual } from 'node:crypto';
import express from 'express';

/** The yardstick: the same Express that parses the body as bytes, checks one HMAC, and stores nothing. */
const [port = '0', serverUrl = '', secret = ''] = process.argv.slice(2);
const app = express();
app.disable('x-powered-by');
app.post('/webhook', express.raw({ type: () => true, limit: '1mb' }), (req, res) => {
  const timestamp = req.get('x-hubspot-request-timestamp') ?? '';
  const expected = createHmac('sha256', secret)
    .update(`POST${serverUrl}${req.originalUrl}`)
    .update(req.body)
    .update(timestamp)
    .digest('base64');
  const given = Buffer.from(req.get('x-hubspot-signature-v3') ?? '');
  const good = given.length === expected.length && timingSafeEqual(given, Buffer.from(expected));
  res.status(good ? 204 : 401).end();
});
app.listen(Number(port), () => process.send?.('ready'));

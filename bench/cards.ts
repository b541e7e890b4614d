import { setTimeout as pause } from 'node:timers/promises';
import { signatureHeaders } from '../sandbox/webhooks/sign.ts';
import { freePort } from '../scripts/free-port.ts';
import { installPortal } from './installed-portal.ts';
import { type Surroundings, withSurroundings } from './measure.ts';

const VIEWS = 500;
const WITHIN_MS = 2_000;

/** Views of the example card on different records of one portal within two seconds, within HubSpot's real limits. */
export default () => withSurroundings(benchCards);

async function benchCards(surroundings: Surroundings): Promise<string[]> {
  const portal = await installPortal(surroundings);
  try {
    const ids = await portal.createContacts(VIEWS);
    await portal.limit();
    const port = await freePort();
    const serverUrl = `http://localhost:${port}`;
    await surroundings.start('../app/server.ts', {
      ...portal.env,
      PORT: String(port),
      SERVER_URL: serverUrl,
    });

    const statuses: Record<string, number> = {};
    const latencies: number[] = [];
    const view = async (objectId: string, at: number) => {
      await pause((at / VIEWS) * WITHIN_MS);
      const query = `portalId=${portal.portalId}&associatedObjectId=${objectId}&associatedObjectType=CONTACT`;
      const url = `${serverUrl}/crm-extension/contact-overview?${query}`;
      const started = performance.now();
      const headers = signatureHeaders(['v3'], {
        clientSecret: 'sandbox-client-secret',
        method: 'GET',
        url,
        body: '',
        timestamp: Date.now(),
      });
      const { status } = await fetch(url, { headers });
      statuses[status] = (statuses[status] ?? 0) + 1;
      latencies.push(performance.now() - started);
    };
    await Promise.all(ids.map(view));
    latencies.sort((a, b) => a - b);
    const p99 = latencies[Math.floor(latencies.length * 0.99)] ?? 0;
    return [
      `${VIEWS} views of different records of one portal in ${WITHIN_MS / 1000} s: answers ${JSON.stringify(statuses)}, p99 ${Math.round(p99)} ms`,
    ];
  } finally {
    await portal.ctx.close();
  }
}

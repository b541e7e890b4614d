import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { expect, it } from '@jest/globals';
import { createDatabase } from '../helpers/database.ts';
import { createDeliverySender } from '../helpers/deliveries.ts';
import { freePort, startProcess } from '../helpers/processes.ts';
import { testSettings } from '../helpers/settings.ts';
import { until } from '../helpers/until.ts';

const MB = 1024 * 1024;
const CONNECTIONS = 2_000;
const BODY_BYTES = 256 * 1024;

// Memory of another process can be read on Linux.
const onLinux = existsSync('/proc/self/status') ? it : it.skip;

onLinux(
  'bodies that strangers hold back cost bounded memory, and signed deliveries are acknowledged',
  async () => {
    const database = await createDatabase();
    const port = await freePort();
    const url = `http://localhost:${port}`;
    const settings = testSettings({
      databaseUrl: database.url,
      serverUrl: url,
      sandboxUrl: 'http://localhost:9',
    });
    const web = await startProcess('app/server.ts', settings);
    const hubspot = createDeliverySender({ url });
    const strangers: Socket[] = [];
    try {
      const delivery = [{ portalId: 62515, subscriptionType: 'contact.creation', objectId: 101 }];
      expect(await hubspot.send(delivery)).toMatchObject({ status: 204 });
      const before = await memoryOf(web.child.pid);

      const part = Buffer.alloc(BODY_BYTES - 1024, 'x');
      const head = `POST /webhook HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${BODY_BYTES}\r\nX-HubSpot-Signature-v3: made-up\r\n\r\n`;
      let sent = 0;
      let most = 0;
      for (let index = 0; index < CONNECTIONS; index += 1) {
        const socket = connect(port, 'localhost').on('error', () => {});
        strangers.push(socket);
        await once(socket, 'connect');
        socket.write(head);
        socket.write(part, () => {
          sent += 1;
        });
        if (index % 100 === 0) {
          expect(await hubspot.send(delivery)).toMatchObject({ status: 204 });
          most = Math.max(most, await memoryOf(web.child.pid));
        }
      }
      await until('the bodies to be sent', () => sent > CONNECTIONS / 2);
      expect(await hubspot.send(delivery)).toMatchObject({ status: 204 });
      most = Math.max(most, await memoryOf(web.child.pid));
      // All that was sent is 500 MB.
      expect(most - before).toBeLessThan(250 * MB);
    } finally {
      for (const socket of strangers) socket.destroy();
      hubspot.close();
      await web.kill('SIGKILL');
      await database.drop();
    }
  },
);

async function memoryOf(pid: number | undefined): Promise<number> {
  const [, kilobytes] = /VmRSS:\s+(\d+) kB/.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) * 1024;
}

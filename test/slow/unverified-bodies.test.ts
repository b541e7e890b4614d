import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createDatabase, type TestDatabase } from '../helpers/database.ts';
import { createDeliverySender, type DeliverySender } from '../helpers/deliveries.ts';
import { freePort, type RunningProcess, startProcess } from '../helpers/processes.ts';
import { testSettings } from '../helpers/settings.ts';

const MB = 1024 * 1024;
/** All that they send is 750 MB, which is held without a bound. */
const STRANGERS = 3_000;
const BODY_BYTES = 256 * 1024;
/** 48 MB of bodies, what 3,000 connections cost, and what the collector has not freed yet. */
const MOST_GROWTH = 200 * MB;

// Memory of another process can be read on Linux.
const onLinux = existsSync('/proc/self/status') ? describe : describe.skip;

onLinux('strangers with a made-up signature', () => {
  let database: TestDatabase;
  let web: RunningProcess;
  let hubspot: DeliverySender;
  let port: number;
  let sockets: Socket[];

  beforeEach(async () => {
    [database, port, sockets] = [await createDatabase(), await freePort(), []];
    const url = `http://localhost:${port}`;
    const settings = testSettings({
      databaseUrl: database.url,
      serverUrl: url,
      sandboxUrl: 'http://localhost:9',
    });
    web = await startProcess('app/server.ts', settings);
    hubspot = createDeliverySender({ url });
  });
  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    hubspot.close();
    await web.kill('SIGKILL');
    await database.drop();
  });

  const deliver = () =>
    hubspot.send([{ portalId: 62515, subscriptionType: 'contact.creation', objectId: 101 }]);

  /** A body of which the last kilobyte never comes. The client neither reads the answer's end nor closes its side. */
  async function holdBack(bytes: number): Promise<Socket> {
    const socket = connect({ port, host: 'localhost', allowHalfOpen: true }).on('error', () => {});
    sockets.push(socket);
    await once(socket, 'connect');
    socket.write(
      `POST /webhook HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${bytes}\r\nX-HubSpot-Signature-v3: made-up\r\n\r\n`,
    );
    socket.write(Buffer.alloc(bytes - 1024, 'x'));
    return socket;
  }

  it('that withhold their bodies use bounded memory, and signed deliveries are acknowledged', async () => {
    expect(await deliver()).toMatchObject({ status: 204 });
    const before = await memoryOf(web.child.pid);
    let most = before;
    for (let index = 0; index < STRANGERS; index += 1) {
      await holdBack(BODY_BYTES);
      if (index % 100 !== 99) continue;
      expect(await deliver()).toMatchObject({ status: 204 });
      most = Math.max(most, await memoryOf(web.child.pid));
    }
    expect(await deliver()).toMatchObject({ status: 204 });
    expect(most - before).toBeLessThan(MOST_GROWTH);
  });

  it('are disconnected when a body takes longer than ten seconds', async () => {
    const began = performance.now();
    const socket = await holdBack(BODY_BYTES);
    const [answer] = await once(socket, 'data');
    expect(String(answer)).toMatch(/^HTTP\/1\.1 408 .*"code":"request_timeout"/s);
    expect(performance.now() - began).toBeGreaterThan(9_000);
    await once(socket, 'end');
  });
});

async function memoryOf(pid: number | undefined): Promise<number> {
  const [, kilobytes] = /VmRSS:\s+(\d+) kB/.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) * 1024;
}

import { startSandbox } from './index.ts';

const port = Number(process.env.SANDBOX_PORT ?? 3001);
const serverUrl = process.env.SERVER_URL ?? `http://localhost:${process.env.PORT || 3000}`;

try {
  const sandbox = await startSandbox({ port, serverUrl });
  console.log(`Sandbox (a stand-in for HubSpot) at ${sandbox.url}, for the app at ${serverUrl}`);
  process.send?.({ type: 'ready', url: sandbox.url });

  // An open channel to the process that started this one would keep it alive, so it exits by itself.
  const stop = () => sandbox.close().then(() => process.exit(0));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
  process.once('disconnect', stop);
} catch (error) {
  const taken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
  const message = taken
    ? `Port ${port} is taken. Stop what uses it, or set SANDBOX_PORT to another one.`
    : String(error instanceof Error ? error.message : error);
  console.error(message);
  process.exit(1);
}

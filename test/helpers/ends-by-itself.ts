import { runUntilSignal } from '../../app/run-until-signal.ts';

/** A process whose work ends by itself. */
await runUntilSignal('worker', async () => ({ ended: Promise.resolve(), stop: async () => 0 }));

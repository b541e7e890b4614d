import { type Cases, refused } from '../world.ts';

export const schemaCases: Cases = {
  'lists the custom types': ({ services }) => services.schemas.list(),

  'reads one, and is refused one that there is not': async ({ services }) => {
    await services.schemas.get('2-30001');
    await refused(404, services.schemas.get('2-99999'));
  },
};

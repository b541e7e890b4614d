import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import express, { Router } from 'express';

/** The pages' own files and pico.css from the installed package. */
export function assets(): Router {
  const router = Router();
  const pico = createRequire(import.meta.url).resolve('@picocss/pico/css/pico.min.css');

  router.get('/assets/pico.min.css', (_req, res) => {
    // Relative to its folder: in a full path, Express rejects every folder whose name starts with a dot.
    const [root, file] = [path.dirname(pico), path.basename(pico)];
    res.set('X-Content-Type-Options', 'nosniff').sendFile(file, { root });
  });
  router.use('/assets', express.static(fileURLToPath(new URL('../public', import.meta.url))));

  return router;
}

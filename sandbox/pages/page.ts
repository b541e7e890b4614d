import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Request, Response } from 'express';
import Handlebars from 'handlebars';
import { moment } from './card-value.ts';

const views = Handlebars.create();
const viewFile = (name: string) => fileURLToPath(new URL(`../views/${name}.hbs`, import.meta.url));
const compiled = new Map<string, Handlebars.TemplateDelegate>();

for (const partial of ['layout', 'deliveries', 'timeline', 'card', 'card-button']) {
  views.registerPartial(partial, readFileSync(viewFile(partial), 'utf8'));
}

views.registerHelper('time', (time: number | string) => moment(time));
views.registerHelper('plusOne', (count: number) => count + 1);

export interface PageValues {
  title: string;
  /** Origins to which the response to a form may redirect. */
  formTargets?: readonly string[];
  /** Origins that may be framed. */
  frames?: readonly string[];
  [value: string]: unknown;
}

/** Browsers request a page; programs request JSON or anything. */
export const isNavigation = (req: Request): boolean =>
  req.method === 'GET' && req.accepts(['json', 'html']) === 'html';

/** Renders `views/{name}.hbs` with a content security policy that allows only what it needs. */
export function showPage(res: Response, name: string, values: PageValues): void {
  const { formTargets = [], frames = [] } = values;
  const policy = [
    "default-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "object-src 'none'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    ['form-action', "'self'", ...new Set(formTargets)].join(' '),
    ['frame-src', ...(frames.length > 0 ? new Set(frames) : ["'none'"])].join(' '),
  ];
  res.set('Content-Security-Policy', policy.join('; '));
  res.set('Cache-Control', 'no-store');
  res.type('html').send(renderView(name, values));
}

export function renderView(name: string, values: Record<string, unknown>): string {
  const template = compiled.get(name) ?? views.compile(readFileSync(viewFile(name), 'utf8'));
  compiled.set(name, template);
  return template(values);
}

import { readFileSync } from 'node:fs';
import type { Express } from 'express';
import handlebars from 'handlebars';

/**
 * Renders Handlebars pages inside `layout.hbs`. All values are escaped except the page in its layout. Templates are read
 * once.
 * @param folders with the features' own pages.
 */
export function registerViews(app: Express, folders: readonly string[]): void {
  const compiled = new Map<string, HandlebarsTemplateDelegate>();
  const template = (file: string) => {
    const known = compiled.get(file);
    if (known) return known;
    const fresh = handlebars.compile(readFileSync(file, 'utf8'), { strict: false });
    compiled.set(file, fresh);
    return fresh;
  };
  handlebars.registerPartial(
    'consent-banner',
    readFileSync(`${import.meta.dirname}/consent-banner.hbs`, 'utf8'),
  );
  app.set('views', [...folders, import.meta.dirname]);
  app.set('view engine', 'hbs');
  app.engine('hbs', (file, data, done) => {
    try {
      const body = template(file)(data);
      done(null, template(`${import.meta.dirname}/layout.hbs`)({ ...data, body }));
    } catch (error) {
      done(error);
    }
  });
}

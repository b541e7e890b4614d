import { Ajv, type ErrorObject, type Options, type ValidateFunction } from 'ajv';
import addFormats from 'ajv-formats';
import { parseJsonFile } from '../../app/base/json-file.ts';
import type { Exchange } from './recording-proxy.ts';

type Content = Record<string, unknown>;

interface Operation {
  parameters?: { name: string; in: string; required?: boolean }[];
  requestBody?: { content: Content; required?: boolean };
  responses: Record<string, { content?: Content; $ref?: string }>;
  security?: Record<string, string[]>[];
}

interface Document {
  paths: Record<string, Record<string, Operation>>;
  components?: { securitySchemes?: Record<string, { type: string; in?: string; name?: string }> };
  [part: string]: unknown;
}

export interface Description {
  /** Such as `contacts 2026-09`. */
  readonly name: string;
  /** Such as `GET /crm/objects/2026-09/{objectType}`. */
  readonly operations: readonly string[];
  /** The operation of a request; of several, the one with the most literal path. */
  operationOf(exchange: Exchange): string | undefined;
  /** The scopes that a token needs: all of one of these lists. */
  scopesOf(operation: string): readonly (readonly string[])[];
  /** The differences between an exchange and its operation's description; empty if none. */
  differences(operation: string, exchange: Exchange): string[];
}

/** Reads an OpenAPI 3.0 document. Its schemas are validated by reference. */
export function readDescription(name: string, text: string): Description {
  const document = parseJsonFile(name, text) as Document;
  // Requests may contain only described fields; responses may contain more.
  const closed = JSON.parse(text, (_key, value) =>
    isClosable(value) ? { ...value, additionalProperties: false } : value,
  );
  const answers = validators(document);
  const requests = validators(closed);
  // Text (path, query, form) is converted to the type of its schema.
  const texts = validators(closed, { coerceTypes: 'array' });

  const operations = new Map(
    Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => {
        const pointer = ['paths', path, method];
        return [
          `${method.toUpperCase()} ${path}`,
          { method, path, pattern: patternOf(path), operation, pointer },
        ];
      }),
    ),
  );

  function get(name: string) {
    const found = operations.get(name);
    if (!found) throw new Error(`no operation ${name}`);
    return found;
  }

  /** Names of keys in the query, because authentication is described separately from the parameters. */
  const keys = Object.values(document.components?.securitySchemes ?? {})
    .filter((scheme) => scheme.type === 'apiKey' && scheme.in === 'query')
    .map(({ name }) => name);

  function parameterDifferences(name: string, { path, query }: Exchange): string[] {
    const { operation, pointer, pattern } = get(name);
    const inPath = pattern.exec(path)?.groups ?? {};
    const parameters = (operation.parameters ?? []).map((parameter, at) => ({ ...parameter, at }));
    return (['path', 'query'] as const).flatMap((place) => {
      const known = parameters.filter((parameter) => parameter.in === place);
      const validate = texts.compile({
        type: 'object',
        properties: Object.fromEntries(
          known.map(({ name, at }) => [
            name,
            { $ref: texts.reference([...pointer, 'parameters', String(at), 'schema']) },
          ]),
        ),
        required: known.filter(({ required }) => required).map(({ name }) => name),
        additionalProperties: false,
      });
      const given =
        place === 'query'
          ? Object.fromEntries(Object.entries(fieldsOf(query)).filter(([name]) => !keys.includes(name)))
          : Object.fromEntries(
              known.map(({ name }) => [name, decodeURIComponent(inPath[groupName(name)] ?? '')]),
            );
      return problemsOf(validate, given).map((problem) => `${place}${problem}`);
    });
  }

  function requestDifferences(name: string, { requestType, requestBody }: Exchange): string[] {
    const { operation, pointer } = get(name);
    const { content, required = false } = operation.requestBody ?? {};
    if (requestBody === '') return required ? ['request has no body'] : [];
    if (!content) return ['request has a body'];
    const type = mediaType(content, requestType);
    if (!type) return [`request of type ${requestType}`];
    const at = [...pointer, 'requestBody', 'content', type, 'schema'];
    const problems =
      type === 'application/x-www-form-urlencoded'
        ? problemsOf(texts.at(at), fieldsOf(new URLSearchParams(requestBody)))
        : problemsOf(requests.at(at), JSON.parse(requestBody));
    return problems.map((problem) => `request${problem}`);
  }

  function answerDifferences(name: string, { status, responseType, responseBody }: Exchange): string[] {
    const { operation, pointer } = get(name);
    const { responses } = operation;
    // HubSpot's `default` is its error body, so it applies only to errors.
    const key = [String(status), ...(status >= 400 ? ['default'] : [])].find((key) => key in responses);
    if (!key) return ['status is not described'];
    const ref = responses[key]?.$ref;
    const at = ref ? ref.replace('#/', '').split('/') : [...pointer, 'responses', key];
    const { content = {} } = valueAt(document, at) as { content?: Content };
    if (Object.keys(content).length === 0) return [];
    if (responseBody === '') return ['answer has no body'];
    const type = mediaType(content, responseType);
    if (!type) return [`answer of type ${responseType}`];
    const problems = problemsOf(answers.at([...at, 'content', type, 'schema']), JSON.parse(responseBody));
    return problems.map((problem) => `answer${problem}`);
  }

  return {
    name,
    operations: [...operations.keys()],
    scopesOf: (name) =>
      (get(name).operation.security ?? []).flatMap(({ oauth2 }) => (oauth2 ? [oauth2] : [])),

    operationOf({ method, path }) {
      const matching = [...operations].filter(
        ([, known]) => known.method === method.toLowerCase() && known.pattern.test(path),
      );
      const placeholders = (template: string) => template.split('{').length;
      matching.sort(([, a], [, b]) => placeholders(a.path) - placeholders(b.path));
      return matching[0]?.[0];
    },

    differences: (name, exchange) => [
      ...parameterDifferences(name, exchange),
      ...requestDifferences(name, exchange),
      ...answerDifferences(name, exchange),
    ],
  };
}

/** Schemas of one document, compiled by their path in it. */
function validators(document: object, options: Options = {}) {
  const ajv = new Ajv({ strict: false, allErrors: true, ...options });
  addFormats.default(ajv);
  ajv.addSchema(document, 'api');
  const reference = (pointer: readonly string[]) =>
    `api#/${pointer.map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/')}`;
  return {
    reference,
    compile: (schema: object) => ajv.compile(schema),
    at: (pointer: readonly string[]) => ajv.compile({ $ref: reference(pointer) }),
  };
}

/** An object schema that lists its fields without allowing others. One without fields matches any object. */
function isClosable(schema: unknown): boolean {
  if (typeof schema !== 'object' || schema === null) return false;
  const { type, properties, additionalProperties } = schema as Record<string, unknown>;
  return type === 'object' && Object.keys(properties ?? {}).length > 0 && additionalProperties === undefined;
}

function problemsOf(validate: ValidateFunction, value: unknown): string[] {
  if (validate(value)) return [];
  const errors = validate.errors ?? [];
  // When no alternative matches, the errors of each one are omitted.
  const unfit = errors.filter(({ keyword }) => keyword === 'oneOf');
  const told = errors.filter(
    (error) => unfit.includes(error) || !unfit.some((it) => error.instancePath.startsWith(it.instancePath)),
  );
  return told.map((error) => `${error.instancePath}${explain(error)}`);
}

function explain({ keyword, message, params }: ErrorObject): string {
  if (keyword === 'additionalProperties') return `/${params.additionalProperty} is not described`;
  if (keyword === 'enum') return ` must be one of ${params.allowedValues.join(', ')}`;
  if (keyword === 'oneOf') return ' fits none or several of the alternatives';
  return ` ${message}`;
}

function patternOf(template: string): RegExp {
  const segments = template
    .split('/')
    .map((segment) =>
      segment
        .replace(/[.*+?^$()|[\]\\]/g, '\\$&')
        .replace(/\{(.+?)\}/g, (_, name) => `(?<${groupName(name)}>[^/]+)`),
    );
  return new RegExp(`^${segments.join('/')}$`);
}

const groupName = (parameter: string) => parameter.replace(/\W/g, '_');

/** A repeated name becomes a list. */
function fieldsOf(pairs: URLSearchParams): Record<string, string | string[]> {
  return Object.fromEntries(
    [...new Set(pairs.keys())].map((name) => {
      const [first = '', ...more] = pairs.getAll(name);
      return [name, more.length > 0 ? [first, ...more] : first];
    }),
  );
}

function mediaType(content: Content, header = ''): string | undefined {
  const given = header.split(';', 1)[0]?.trim().toLowerCase();
  return Object.keys(content).find((type) => type === given || type === '*/*');
}

const valueAt = (document: object, pointer: readonly string[]) =>
  pointer.reduce<unknown>((value, key) => (value as Record<string, unknown>)[key], document);

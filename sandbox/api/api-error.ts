import { randomUUID } from 'node:crypto';
import type { ErrorRequestHandler } from 'express';

export interface ErrorDetail {
  message: string;
  code?: string;
  in?: string;
  context?: Record<string, string[]>;
}

/** An error that is answered in HubSpot's body shape: `{status, message, correlationId, category, errors?, …}`. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  readonly category: string;
  readonly fields: { errors?: ErrorDetail[]; [field: string]: unknown };

  constructor(status: number, category: string, message: string, fields: ApiError['fields'] = {}) {
    super(message);
    this.status = status;
    this.category = category;
    this.fields = fields;
  }
}

export function validationError(message: string, errors?: ErrorDetail[]): ApiError {
  return new ApiError(400, 'VALIDATION_ERROR', message, errors ? { errors } : {});
}

export function notFound(message: string, fields: ApiError['fields'] = {}): ApiError {
  return new ApiError(404, 'OBJECT_NOT_FOUND', message, fields);
}

/** Several rejected property values, with HubSpot's messages. */
export function invalidProperties(portalId: number, problems: PropertyProblem[]): ApiError {
  const listed = problems.map(({ name, code, message }) => {
    return { isValid: false, message, error: code, name, localizedErrorMessage: message, portalId };
  });
  return validationError(
    `Property values were not valid: ${JSON.stringify(listed)}`,
    problems.map(({ name, code, message }) => ({ message, code, context: { propertyName: [name] } })),
  );
}

export interface PropertyProblem {
  name: string;
  code: string;
  message: string;
}

export const apiErrorHandler: ErrorRequestHandler = (error, _req, res, next) => {
  if (res.headersSent) return next(error);
  const known = asApiError(error);
  const correlationId = res.getHeader('X-HubSpot-Correlation-Id') ?? randomUUID();
  const { message, category, fields, status } = known;
  res.status(status).json({ status: 'error', message, correlationId, category, ...fields });
};

function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (isBodyError(error)) {
    if (error.status === 413) return new ApiError(413, 'VALIDATION_ERROR', 'The request body is too large.');
    return validationError(`Invalid input JSON: ${error.message}`);
  }
  console.error(error);
  return new ApiError(500, 'INTERNAL_ERROR', 'The sandbox has a fault. Its terminal says which.');
}

/** The errors of express.json and express.urlencoded. */
function isBodyError(error: unknown): error is { status: number; type: string; message: string } {
  return typeof error === 'object' && error !== null && 'type' in error && 'status' in error;
}

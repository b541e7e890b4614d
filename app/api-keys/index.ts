export { requireApiKey } from './middleware.ts';
export { type ApiKeyService, createApiKeyService } from './service.ts';

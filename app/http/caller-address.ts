import type { Request } from 'express';
import { ipKeyGenerator } from 'express-rate-limit';

/** The key under which rate limits count a caller: its IPv4 address, or its IPv6 network. */
export const addressOf = ({ ip = '' }: Request): string => ipKeyGenerator(ip);

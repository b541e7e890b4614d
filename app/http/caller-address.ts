import type { Request } from 'express';
import { ipKeyGenerator } from 'express-rate-limit';

/** What limits count a request under: the address of its caller, for IPv6 the network of a customer. */
export const addressOf = ({ ip = '' }: Request): string => ipKeyGenerator(ip);

import { apache } from './apache.ts';
import { caddy } from './caddy.ts';
import type { Generator } from './description.ts';
import { envoy } from './envoy.ts';
import { haproxy } from './haproxy.ts';
import { lighttpd } from './lighttpd.ts';
import { nginx } from './nginx.ts';
import { traefik } from './traefik.ts';

/** By the name that `countersign origin config` takes. */
export const GENERATORS: Readonly<Record<string, Generator>> = {
  nginx,
  apache,
  haproxy,
  caddy,
  traefik,
  envoy,
  lighttpd,
};

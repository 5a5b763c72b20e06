import { apache } from './apache.ts';
import { awsAlb } from './aws-alb.ts';
import { caddy } from './caddy.ts';
import type { Generator } from './description.ts';
import { envoy } from './envoy.ts';
import { gatewayApi } from './gateway-api.ts';
import { haproxy } from './haproxy.ts';
import { iis } from './iis.ts';
import { ingressNginx } from './ingress-nginx.ts';
import { lighttpd } from './lighttpd.ts';
import { nginx } from './nginx.ts';
import { node } from './node.ts';
import { tomcat } from './tomcat.ts';
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
  iis,
  node,
  tomcat,
  'aws-alb': awsAlb,
  'ingress-nginx': ingressNginx,
  'gateway-api': gatewayApi,
};

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { Duplex } from 'node:stream';
import type { Verdict } from './guard.ts';
import type { OriginPull } from './options.ts';
import type { GuardedRequest } from './request.ts';
import { type ResponseLike, refusalResponse, respond, respondOnSocket } from './respond.ts';

/** A request that came by the guard. */
export type Guarded<T> = T & { originPull: OriginPull };

type Listener<Request, Response> = (request: Guarded<Request>, response: Response) => unknown;
type GuardedListener = (request: GuardedRequest, response: ResponseLike) => void;
type SocketListener = (request: Guarded<IncomingMessage>, socket: Duplex, head: Buffer) => unknown;
type Next = (error?: unknown) => unknown;

interface KoaContext {
  readonly req: GuardedRequest;
  state: object;
  status: number;
  body: unknown;
  set(fields: Record<string, string>): void;
}

interface HonoContext {
  readonly env: unknown;
  set(key: 'originPull', value: OriginPull): void;
}

interface FastifyReply {
  code(status: number): FastifyReply;
  headers(fields: Record<string, string>): FastifyReply;
  send(body: string): unknown;
}

interface FastifyInstance {
  decorateRequest(name: string, value: null): unknown;
  // biome-ignore lint/suspicious/noExplicitAny: only so does each version's own signature fit
  addHook(name: any, hook: any): unknown;
}

/** The guard as each framework wants it. */
export interface Middleware {
  /** A listener for `request` events of `node:http`, `node:https` and `node:http2` servers. */
  handler(listener: Listener<IncomingMessage, ServerResponse>): GuardedListener;
  handler(listener: Listener<Http2ServerRequest, Http2ServerResponse>): GuardedListener;
  /** A listener for `upgrade` and `connect` events. */
  upgrade(listener: SocketListener): (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /** Sets `request.originPull`. */
  express(): (request: GuardedRequest, response: ResponseLike, next: Next) => void;
  /** Sets `ctx.state.originPull`. */
  koa(): (context: KoaContext, next: () => Promise<unknown>) => Promise<void>;
  /** Sets `c.var.originPull`. Needs `@hono/node-server`, whose requests are those of Node. */
  hono(): (context: HonoContext, next: () => Promise<void>) => Promise<Response | undefined>;
  /** A plugin for the whole instance. Sets `request.originPull`. */
  fastify(instance: FastifyInstance, options: unknown, done: () => void): void;
}

/** Puts a verdict in front of each framework's handlers. */
export function middlewareOf(check: (request: GuardedRequest) => Verdict): Middleware {
  const admit = <T extends object>(request: T): Verdict => {
    const verdict = check(request as unknown as GuardedRequest);
    (request as { originPull?: OriginPull }).originPull = verdict.originPull;
    return verdict;
  };

  return {
    handler: (listener: Listener<never, never>) => (request: GuardedRequest, response: ResponseLike) => {
      const { refusal } = admit(request);
      if (refusal !== null) respond(response, refusal, request.httpVersionMajor);
      else listener(request as never, response as never);
    },

    upgrade: (listener) => (request, socket, head) => {
      const { refusal } = admit(request);
      if (refusal !== null) respondOnSocket(socket, refusal);
      else listener(request as Guarded<IncomingMessage>, socket, head);
    },

    express: () =>
      function originPullGuard(request, response, next) {
        const { refusal } = admit(request);
        if (refusal !== null) respond(response, refusal, request.httpVersionMajor);
        else next();
      },

    koa: () =>
      async function originPullGuard(context, next) {
        const { refusal, originPull } = admit(context.req);
        (context.state as { originPull?: OriginPull }).originPull = originPull;
        if (refusal === null) {
          await next();
          return;
        }
        const { status, headers, body } = refusalResponse(refusal);
        context.status = status;
        context.body = body;
        context.set(context.req.httpVersionMajor < 2 ? { ...headers, connection: 'close' } : headers);
      },

    hono: () =>
      async function originPullGuard(context, next) {
        // Bun.serve and others have no such request, and nothing that shows the peer's certificate.
        const request = (context.env as { incoming?: GuardedRequest } | undefined)?.incoming ?? WITHOUT_CONNECTION;
        const { refusal, originPull } = request === WITHOUT_CONNECTION ? check({ ...request }) : admit(request);
        context.set('originPull', originPull);
        if (refusal !== null) {
          const { status, headers, body } = refusalResponse(refusal);
          return new Response(body, { status, headers });
        }
        await next();
        return undefined;
      },

    fastify: wholeInstance((instance, _options, done) => {
      instance.decorateRequest('originPull', null);
      instance.addHook(
        'onRequest',
        (request: { raw: GuardedRequest; originPull: OriginPull }, reply: FastifyReply, next: Next) => {
          const { refusal, originPull } = admit(request.raw);
          request.originPull = originPull;
          if (refusal === null) {
            next();
            return;
          }
          const { status, headers, body } = refusalResponse(refusal);
          const close = request.raw.httpVersionMajor < 2 ? { connection: 'close' } : {};
          reply
            .code(status)
            .headers({ ...headers, ...close })
            .send(body);
        },
      );
      done();
    }),
  };
}

/** Looks like the request of an https server whose runtime shows nothing. */
const WITHOUT_CONNECTION: GuardedRequest = {
  httpVersionMajor: 1,
  rawHeaders: [],
  socket: { encrypted: true },
};

/** Fastify keeps a plugin's hooks to itself without this mark. */
function wholeInstance(plugin: Middleware['fastify']): Middleware['fastify'] {
  return Object.assign(plugin, { [Symbol.for('skip-override')]: true, [Symbol.for('fastify.display-name')]: 'guard' });
}

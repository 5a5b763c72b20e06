import type { DoctorAttempt, DoctorCheck, ProbeAnswer } from '../../core/mod.ts';
import { describeAnswer } from './describe-answer.ts';
import { isRefusal } from './tls-alert.ts';

/** What the right certificate got at an address: the measure for everybody else there. */
export interface Standing {
  /** True where it was let in at the beginning; null where there is none to try. */
  readonly before: boolean | null;
  /** True where it was let in at the end. */
  readonly after: boolean | null;
  /** Statuses that it got: one of these tells nothing about who is let in. */
  readonly statuses: ReadonlySet<number>;
  /** `TLSv1.3 h2` and the like, where it got a response. */
  readonly offered: ReadonlySet<string>;
}

/** What one attempt brought, as far as judging needs it. */
export interface Finding {
  readonly check: DoctorCheck;
  readonly tls: DoctorAttempt['tls'];
  readonly http: DoctorAttempt['http'];
  readonly answer: ProbeAnswer;
  readonly body: string;
}

export interface Judgement {
  readonly verdict: DoctorAttempt['verdict'];
  readonly detail: string;
}

/** Statuses with which servers refuse a client for its certificate or its name (RFC 9110 section 15.5, nginx 495 and 496). */
const REFUSALS: ReadonlySet<number> = new Set([400, 403, 421, 495, 496]);
const CERTIFICATE_REFUSALS: ReadonlySet<number> = new Set([421, 495, 496]);
const NOTHING_THERE: ReadonlySet<number> = new Set([404, 410]);
const OVERLOADED: ReadonlySet<number> = new Set([429, 503]);
/** Sentences in which nginx, Apache and IIS themselves say that the client's certificate, or the lack of TLS, is the matter. */
const SERVERS_OWN_WORDS =
  /No required SSL certificate was sent|The SSL certificate error|The plain HTTP request was sent to HTTPS port|speaking plain HTTP to an SSL-enabled server port|403\.(?:7|13|16) - Forbidden/;

/** Checks that differ from the right certificate's way in by the certificate alone. */
const AS_THE_RIGHT_ONE: ReadonlySet<DoctorCheck> = new Set([
  'none',
  'self_signed',
  'same_subject',
  'expired',
  'shared',
  'other_tenant',
]);

/** True where a response shows that the client was let in: any but a refusal, and but one that says nothing. */
export function isLetIn(answer: ProbeAnswer): boolean {
  return answer.kind === 'response' && !REFUSALS.has(answer.status) && !OVERLOADED.has(answer.status);
}

/** True where the origin itself says that the client's certificate, or the lack of one, is why it refuses him. */
export function refusesInSoManyWords(answer: ProbeAnswer, body: string): boolean {
  switch (answer.kind) {
    case 'response':
      return answer.status === 495 || answer.status === 496 || (answer.status >= 400 && SERVERS_OWN_WORDS.test(body));
    case 'alert_in_handshake':
    case 'alert_after_handshake':
      return isRefusal(answer.alert);
    default:
      return false;
  }
}

/** Judges what a certificate got that the origin must let in. */
export function judgeRight({ answer, body }: Finding): Judgement {
  const what = `The origin ${describeAnswer(answer)}`;
  if (isLetIn(answer)) return { verdict: 'ok', detail: `${what}: let in.` };
  switch (answer.kind) {
    case 'response':
      if (OVERLOADED.has(answer.status)) return overloaded(what);
      if (CERTIFICATE_REFUSALS.has(answer.status) || SERVERS_OWN_WORDS.test(body))
        return { verdict: 'broken', detail: `${what}: it refuses this certificate.` };
      return {
        verdict: 'unknown',
        detail: `${what}, which may be a refusal or the application's own answer: name a path that answers otherwise.`,
      };
    case 'not_offered':
      return { verdict: 'ok', detail: `${what}.` };
    case 'alert_in_handshake':
    case 'alert_after_handshake':
    case 'closed_in_handshake':
    case 'closed_before_response':
      return { verdict: 'broken', detail: `${what}: it does not let this certificate in.` };
    default:
      return { verdict: 'unknown', detail: `${what}, which proves nothing.` };
  }
}

/**
 * Judges what somebody got whom the origin must refuse. `ok` takes positive evidence: a sign of refusal, at an address that let
 * the right certificate in before and after. `hostname` is the one that a redirect to https must name.
 */
export function judgeStranger(finding: Finding, standing: Standing, hostname: string): Judgement {
  const judgement = judgeAlone(finding, standing, hostname);
  if (judgement.verdict === 'ok' && standing.before === true && standing.after === false)
    return { verdict: 'unknown', detail: `${judgement.detail} But at the end it refused the right certificate too.` };
  return judgement;
}

function judgeAlone({ check, tls, http, answer, body }: Finding, standing: Standing, hostname: string): Judgement {
  const what = `The origin ${describeAnswer(answer)}`;
  const refused = { verdict: 'ok', detail: `${what}: refused.` } as const;
  const hasStood = standing.before === true && standing.after === true;
  switch (answer.kind) {
    case 'response': {
      const { status, location } = answer;
      if (OVERLOADED.has(status)) return overloaded(what);
      if (status >= 400 && SERVERS_OWN_WORDS.test(body)) return refused;
      if (REFUSALS.has(status)) {
        if (standing.before === true && !standing.statuses.has(status)) return refused;
        return {
          verdict: 'unknown',
          detail: `${what}, and no other answer to the right certificate is known to compare with.`,
        };
      }
      if (tls === null && status >= 300 && status < 400 && isOwnHttps(location, hostname))
        return { verdict: 'ok', detail: `${what}: it only redirects to https.` };
      if (NOTHING_THERE.has(status) && standing.before === true && !standing.statuses.has(status))
        return { verdict: 'unknown', detail: `${what}: not what the right certificate gets, but no refusal either.` };
      return { verdict: 'open', detail: `${what}.` };
    }
    case 'alert_in_handshake':
    case 'alert_after_handshake':
      // Who answers plain HTTP with an alert speaks TLS only, whatever the alert says.
      if (isRefusal(answer.alert) || check === 'plain_on_tls_port' || hasStood) return refused;
      return { verdict: 'unknown', detail: `${what}, which speaks of no certificate.` };
    case 'closed_in_handshake':
    case 'closed_before_response':
      if (hasStood) return refused;
      return { verdict: 'unknown', detail: `${what}, and the right certificate is not known to fare better.` };
    case 'not_offered':
      // The same way in was there for the right certificate.
      if (AS_THE_RIGHT_ONE.has(check) && standing.offered.has(`${tls} ${http}`))
        return { verdict: 'unknown', detail: `${what}, but it did to the right certificate.` };
      return { verdict: 'ok', detail: `${what}.` };
    case 'connection_refused':
      if (check === 'plain_http') return { verdict: 'ok', detail: `${what}.` };
      return { verdict: 'unknown', detail: `${what}, so nothing is proven.` };
    default:
      return { verdict: 'unknown', detail: `${what}, which proves nothing.` };
  }
}

function overloaded(what: string): Judgement {
  return { verdict: 'unknown', detail: `${what}: it limits requests or is overloaded.` };
}

function isOwnHttps(location: string | null, hostname: string): boolean {
  if (location === null || !URL.canParse(location)) return false;
  const { protocol, hostname: target } = new URL(location);
  return protocol === 'https:' && target === hostname.toLowerCase();
}

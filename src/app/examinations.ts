import { type Context, type EventStore, Examinations, type VerdictChange } from '../control/mod.ts';
import type { SecurityEvent } from '../core/mod.ts';
import type { Logger } from '../observe/mod.ts';
import { ATTEMPT_TIMEOUT, examine, paceOf, signReport } from '../origin/mod.ts';
import { systemClock, systemRandom, systemResolve } from '../platform/mod.ts';
import type { DataDirectory } from './data-directory.ts';
import { reportKey } from './report-key.ts';

/** Who says that a report was signed. */
const SIGNER = 'countersign control plane';

/** The doctor of an installation: it goes to origins itself, signs what it finds, and says when a verdict changes. */
export function openExaminations(
  context: Context,
  directory: DataDirectory,
  events: EventStore,
  logger: Logger,
): Examinations {
  return new Examinations(context, {
    resolveName: systemResolve,
    examine: (subject) =>
      examine(subject, {
        clock: systemClock,
        randomBytes: systemRandom.bytes,
        delay: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
        attemptTimeout: ATTEMPT_TIMEOUT,
        pace: paceOf(subject.endpoints),
      }),
    sign: (report) => JSON.stringify(signReport(report, reportKey(directory.path), SIGNER, systemClock.now())),
    onVerdictChange: (change) => {
      events.add({ events: [eventOf(change, systemClock.now())] });
      const { zoneId, hostname, from, to, summary } = change;
      const facts = { zoneId, hostname, from, to, summary };
      if (to === 'open') logger.error(facts, 'an origin is open');
      else if (to === 'unknown') logger.warn(facts, 'it is not known whether an origin is closed');
      else logger.info(facts, 'an origin is closed');
    },
  });
}

/** A change of verdict among the security events of the zone: nobody asked for anything. */
function eventOf({ zoneId, hostname, to, summary }: VerdictChange, now: number): SecurityEvent {
  return {
    Action: `origin_${to}`,
    ClientIP: '',
    ClientRequestHost: hostname,
    ClientRequestMethod: '',
    ClientRequestPath: '',
    ClientRequestQuery: '',
    ClientRequestProtocol: '',
    ClientRequestScheme: '',
    ClientRequestUserAgent: '',
    Datetime: new Date(now).toISOString(),
    Description: summary,
    EdgeResponseStatus: 0,
    OriginResponseStatus: 0,
    MatchIndex: 0,
    RayID: '',
    Ref: '',
    RuleID: '',
    Source: 'doctor',
    ZoneID: zoneId,
    RulesetID: '',
  };
}

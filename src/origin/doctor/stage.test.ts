import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DoctorAttempt, DoctorReport } from '../../core/mod.ts';
import { type OriginStage, originStage } from './stage.ts';

type Verdict = DoctorAttempt['verdict'];

type Address = readonly [
  right: Verdict,
  stranger: Verdict,
  none: Verdict,
  asked?: boolean | null,
  namesIssuer?: boolean | null,
];

function report(...addresses: readonly Address[]): DoctorReport {
  const attempts = addresses.flatMap(([right, stranger, none], i) =>
    (
      [
        ['right', right],
        ['self_signed', stranger],
        ['none', none],
      ] as const
    ).map(
      ([check, verdict]): DoctorAttempt => ({
        check,
        verdict,
        address: `192.0.2.${i}:443`,
        tls: 'TLSv1.3',
        http: 'http/1.1',
        server_name: 'www.a.test',
        host: 'www.a.test',
        answer: { kind: 'response', status: 200, location: null },
        detail: '',
      }),
    ),
  );
  return {
    version: 1,
    hostname: 'www.a.test',
    level: 'zone',
    started_at: '2026-11-25T00:00:00Z',
    duration_ms: 1,
    verdict: 'unknown',
    summary: '',
    findings: [],
    certificate_requests: addresses.map(([, , , asked = false, names_issuer = null], i) => ({
      address: `192.0.2.${i}:443`,
      asked,
      names_issuer,
    })),
    attempts,
  };
}

const TABLE: readonly (readonly [ReturnType<typeof report>, OriginStage])[] = [
  [report(['ok', 'open', 'open']), 'ignores'],
  [report(['ok', 'open', 'open', true, true]), 'observes'],
  [report(['ok', 'open', 'open', true, false]), 'unclear'],
  [report(['ok', 'open', 'open', true]), 'unclear'],
  [report(['ok', 'open', 'open', null]), 'unclear'],
  [report(['ok', 'ok', 'open']), 'observes'],
  [report(['ok', 'ok', 'ok']), 'enforces'],
  [report(['ok', 'open', 'ok', true, true]), 'unknown'],
  [report(['broken', 'ok', 'ok']), 'refuses_right'],
  [report(['unknown', 'ok', 'ok']), 'unknown'],
  [report(['ok', 'ok', 'unknown']), 'unknown'],
  [report(['ok', 'ok', 'ok'], ['ok', 'ok', 'open']), 'observes'],
  [report(['ok', 'ok', 'open'], ['ok', 'open', 'open']), 'ignores'],
  [report(['ok', 'ok', 'ok'], ['unknown', 'unknown', 'unknown']), 'unknown'],
  [report(), 'unknown'],
];

for (const [found, stage] of TABLE) {
  const said = found.certificate_requests.map(
    ({ asked, names_issuer }) => `asked ${asked}, issuer named ${names_issuer}`,
  );
  const what = [...found.attempts.map(({ check, verdict }) => `${check} ${verdict}`), ...said].join(', ');
  test(`${what || 'nothing'}: ${stage}`, () => assert.equal(originStage(found), stage));
}

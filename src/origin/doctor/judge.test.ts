import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DoctorAttempt, DoctorCheck, ProbeAnswer } from '../../core/mod.ts';
import { judgeRight, judgeStranger, type Standing } from './judge.ts';

const LET_IN: Standing = {
  before: true,
  after: true,
  statuses: new Set([200]),
  offered: new Set(['TLSv1.3 http/1.1']),
};
const UNMEASURED: Standing = { before: null, after: null, statuses: new Set(), offered: new Set() };
const LOST: Standing = { ...LET_IN, after: false };
const REFUSED: Standing = {
  before: false,
  after: false,
  statuses: new Set([403]),
  offered: new Set(['TLSv1.3 http/1.1']),
};

const response = (status: number, location: string | null = null): ProbeAnswer => ({
  kind: 'response',
  status,
  location,
});
const inHandshake = (alert: string): ProbeAnswer => ({ kind: 'alert_in_handshake', alert });
const afterHandshake = (alert: string): ProbeAnswer => ({ kind: 'alert_after_handshake', alert });
const timeout = (stage: 'connect' | 'handshake' | 'response'): ProbeAnswer => ({ kind: 'timeout', stage });

type Verdict = DoctorAttempt['verdict'];

/** A stranger's answer, and the verdict by how the right certificate fares: let in throughout, not tried, let in only at first, refused. */
const STRANGERS: readonly (readonly [
  ProbeAnswer,
  string,
  let_in: Verdict,
  unmeasured: Verdict,
  lost: Verdict,
  refused: Verdict,
])[] = [
  [response(200), '', 'open', 'open', 'open', 'open'],
  [response(204), '', 'open', 'open', 'open', 'open'],
  [response(401), '', 'open', 'open', 'open', 'open'],
  [response(404), '', 'unknown', 'open', 'unknown', 'open'],
  [response(500), '', 'open', 'open', 'open', 'open'],
  [response(502), '', 'open', 'open', 'open', 'open'],
  [response(301, 'https://www.a.test/'), '', 'open', 'open', 'open', 'open'],
  [response(400), '', 'ok', 'unknown', 'unknown', 'unknown'],
  [response(403), '', 'ok', 'unknown', 'unknown', 'unknown'],
  [response(421), '', 'ok', 'unknown', 'unknown', 'unknown'],
  [response(495), '', 'ok', 'unknown', 'unknown', 'unknown'],
  [response(496), '', 'ok', 'unknown', 'unknown', 'unknown'],
  [response(400), '<center>No required SSL certificate was sent</center>', 'ok', 'ok', 'unknown', 'ok'],
  [response(200), 'No required SSL certificate was sent', 'open', 'open', 'open', 'open'],
  [response(429), '', 'unknown', 'unknown', 'unknown', 'unknown'],
  [response(503), '', 'unknown', 'unknown', 'unknown', 'unknown'],
  [inHandshake('handshake_failure'), '', 'ok', 'ok', 'unknown', 'ok'],
  [inHandshake('bad_certificate'), '', 'ok', 'ok', 'unknown', 'ok'],
  [inHandshake('unknown_ca'), '', 'ok', 'ok', 'unknown', 'ok'],
  [inHandshake('certificate_unknown'), '', 'ok', 'ok', 'unknown', 'ok'],
  [inHandshake('unrecognized_name'), '', 'ok', 'ok', 'unknown', 'ok'],
  [afterHandshake('certificate_required'), '', 'ok', 'ok', 'unknown', 'ok'],
  [afterHandshake('certificate_expired'), '', 'ok', 'ok', 'unknown', 'ok'],
  [afterHandshake('access_denied'), '', 'ok', 'ok', 'unknown', 'ok'],
  [inHandshake('internal_error'), '', 'ok', 'unknown', 'unknown', 'unknown'],
  [inHandshake('alert_200'), '', 'ok', 'unknown', 'unknown', 'unknown'],
  [{ kind: 'closed_in_handshake' }, '', 'ok', 'unknown', 'unknown', 'unknown'],
  [{ kind: 'closed_before_response' }, '', 'ok', 'unknown', 'unknown', 'unknown'],
  [{ kind: 'not_offered' }, '', 'unknown', 'ok', 'unknown', 'unknown'],
  [{ kind: 'connection_reset' }, '', 'unknown', 'unknown', 'unknown', 'unknown'],
  [{ kind: 'connection_refused' }, '', 'unknown', 'unknown', 'unknown', 'unknown'],
  [{ kind: 'unreachable' }, '', 'unknown', 'unknown', 'unknown', 'unknown'],
  [timeout('connect'), '', 'unknown', 'unknown', 'unknown', 'unknown'],
  [timeout('handshake'), '', 'unknown', 'unknown', 'unknown', 'unknown'],
  [timeout('response'), '', 'unknown', 'unknown', 'unknown', 'unknown'],
  [{ kind: 'malformed_response' }, '', 'unknown', 'unknown', 'unknown', 'unknown'],
];

for (const [answer, body, ...verdicts] of STRANGERS) {
  test(`a stranger gets ${JSON.stringify(answer)} ${body}`, () => {
    const finding = { check: 'self_signed', tls: 'TLSv1.3', http: 'http/1.1', answer, body } as const;
    const judged = [LET_IN, UNMEASURED, LOST, REFUSED].map(
      (standing) => judgeStranger(finding, standing, 'www.a.test').verdict,
    );
    assert.deepEqual(judged, verdicts);
  });
}

test('a status that the right certificate gets too tells nothing', () => {
  const standing = { ...LET_IN, statuses: new Set([200, 403]) };
  const finding = { check: 'none', tls: 'TLSv1.3', http: 'http/1.1', answer: response(403), body: '' } as const;
  assert.equal(judgeStranger(finding, standing, 'www.a.test').verdict, 'unknown');
});

test('a way in that only the right certificate was offered proves nothing', () => {
  const finding = {
    check: 'none',
    tls: 'TLSv1.3',
    http: 'http/1.1',
    answer: { kind: 'not_offered' },
    body: '',
  } as const;
  assert.equal(judgeStranger(finding, LET_IN, 'www.a.test').verdict, 'unknown');
  assert.equal(judgeStranger({ ...finding, http: 'h2' }, LET_IN, 'www.a.test').verdict, 'ok');
  assert.equal(judgeStranger({ ...finding, check: 'other_name' }, LET_IN, 'www.a.test').verdict, 'ok');
});

const PLAIN: readonly (readonly [DoctorCheck, ProbeAnswer, Verdict])[] = [
  ['plain_http', response(200), 'open'],
  ['plain_http', response(301, 'https://www.a.test/'), 'ok'],
  ['plain_http', response(308, 'https://WWW.a.test:8443/x'), 'ok'],
  ['plain_http', response(302, 'https://login.b.test/'), 'open'],
  ['plain_http', response(302, 'http://www.a.test/'), 'open'],
  ['plain_http', response(302, 'https://www.a.test.evil.test/'), 'open'],
  ['plain_http', response(302, 'https://www.a.test@evil.test/'), 'open'],
  ['plain_http', response(302, '/elsewhere'), 'open'],
  ['plain_http', response(302), 'open'],
  ['plain_http', response(403), 'ok'],
  ['plain_http', { kind: 'connection_refused' }, 'ok'],
  ['plain_http', timeout('connect'), 'unknown'],
  ['plain_http', { kind: 'connection_reset' }, 'unknown'],
  ['plain_on_tls_port', response(200), 'open'],
  ['plain_on_tls_port', response(400), 'ok'],
  ['plain_on_tls_port', inHandshake('unexpected_message'), 'ok'],
  ['plain_on_tls_port', { kind: 'connection_refused' }, 'unknown'],
];

for (const [check, answer, verdict] of PLAIN) {
  test(`${check} gets ${JSON.stringify(answer)}: ${verdict}`, () => {
    const finding = { check, tls: null, http: 'http/1.1', answer, body: '' } as const;
    assert.equal(judgeStranger(finding, LET_IN, 'www.a.test').verdict, verdict);
  });
}

const RIGHT: readonly (readonly [ProbeAnswer, string, Verdict])[] = [
  [response(200), '', 'ok'],
  [response(404), '', 'ok'],
  [response(301, '/en/'), '', 'ok'],
  [response(500), '', 'ok'],
  [response(429), '', 'unknown'],
  [response(503), '', 'unknown'],
  [response(400), '', 'unknown'],
  [response(403), '', 'unknown'],
  [response(400), 'The SSL certificate error', 'broken'],
  [response(421), '', 'broken'],
  [response(495), '', 'broken'],
  [response(496), '', 'broken'],
  [inHandshake('unknown_ca'), '', 'broken'],
  [afterHandshake('unknown_ca'), '', 'broken'],
  [{ kind: 'closed_in_handshake' }, '', 'broken'],
  [{ kind: 'closed_before_response' }, '', 'broken'],
  [{ kind: 'not_offered' }, '', 'ok'],
  [{ kind: 'connection_refused' }, '', 'unknown'],
  [{ kind: 'connection_reset' }, '', 'unknown'],
  [{ kind: 'unreachable' }, '', 'unknown'],
  [timeout('handshake'), '', 'unknown'],
  [{ kind: 'malformed_response' }, '', 'unknown'],
];

for (const [answer, body, verdict] of RIGHT) {
  test(`the right certificate gets ${JSON.stringify(answer)} ${body}: ${verdict}`, () => {
    const finding = { check: 'right', tls: 'TLSv1.3', http: 'http/1.1', answer, body } as const;
    assert.equal(judgeRight(finding).verdict, verdict);
  });
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nextStep, type ProtectFacts, type ProtectStep } from './protect-step.ts';

const NOTHING: ProtectFacts = { hasOrigin: false, originScheme: 'http', level: 'none', stage: null, verdict: null };
const PRESENTS: ProtectFacts = { ...NOTHING, hasOrigin: true, originScheme: 'https', level: 'zone' };

const TABLE: readonly (readonly [string, ProtectFacts, ProtectStep])[] = [
  ['nothing', NOTHING, 'set_origin'],
  ['an origin over http', { ...NOTHING, hasOrigin: true }, 'set_mode'],
  ['an origin over https', { ...NOTHING, hasOrigin: true, originScheme: 'https' }, 'present'],
  ['a certificate', PRESENTS, 'examine'],
  ['an origin that does not answer', { ...PRESENTS, stage: 'unknown', verdict: 'unknown' }, 'reach'],
  ['an origin that is open, and more is not known', { ...PRESENTS, stage: 'unknown', verdict: 'open' }, 'close_doors'],
  ['an origin that asks nobody', { ...PRESENTS, stage: 'ignores', verdict: 'open' }, 'observe'],
  ['an origin with another CA', { ...PRESENTS, stage: 'refuses_right', verdict: 'unknown' }, 'observe'],
  ['an origin that asks, and does not say whom', { ...PRESENTS, stage: 'unclear', verdict: 'open' }, 'enforce'],
  ['an origin that observes', { ...PRESENTS, stage: 'observes', verdict: 'open' }, 'enforce'],
  ['an origin that enforces, with a door open', { ...PRESENTS, stage: 'enforces', verdict: 'open' }, 'close_doors'],
  ['an origin that enforces, not all known', { ...PRESENTS, stage: 'enforces', verdict: 'unknown' }, 'close_doors'],
  ['an origin that is closed', { ...PRESENTS, stage: 'enforces', verdict: 'closed' }, 'done'],
];

for (const [what, facts, step] of TABLE) test(`${what}: ${step}`, () => assert.equal(nextStep(facts), step));

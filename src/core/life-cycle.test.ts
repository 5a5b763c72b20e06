import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  DEPLOYMENT_STATUSES,
  type DeploymentStatus,
  isGone,
  isUsable,
  type LifeCycleEvent,
  transition,
} from './life-cycle.ts';

test('a certificate is deployed, used, deleted', () => {
  assert.equal(transition('initializing', 'deploy'), 'pending_deployment');
  assert.equal(transition('pending_deployment', 'acknowledged'), 'active');
  assert.equal(transition('active', 'delete'), 'pending_deletion');
  assert.equal(transition('pending_deletion', 'acknowledged'), 'deleted');
});

test('deleting cancels a deployment', () =>
  assert.equal(transition('pending_deployment', 'delete'), 'pending_deletion'));

test('a worker that answers late still settles the state', () => {
  assert.equal(transition('deployment_timed_out', 'acknowledged'), 'active');
  assert.equal(transition('deletion_timed_out', 'acknowledged'), 'deleted');
});

// Each state's answer to deploy, acknowledged, timed_out, delete (spec/origin-pulls.md 1.5); null where it is illegal.
const TABLE: Readonly<Record<DeploymentStatus, readonly (DeploymentStatus | null)[]>> = {
  initializing: ['pending_deployment', null, null, 'pending_deletion'],
  pending_deployment: [null, 'active', 'deployment_timed_out', 'pending_deletion'],
  active: ['pending_deployment', null, null, 'pending_deletion'],
  deployment_timed_out: ['pending_deployment', 'active', null, 'pending_deletion'],
  pending_deletion: [null, 'deleted', 'deletion_timed_out', null],
  deletion_timed_out: [null, 'deleted', null, null],
  deleted: [null, null, null, null],
};
for (const status of DEPLOYMENT_STATUSES) {
  test(`what can happen to what is ${status}`, () => {
    const events = ['deploy', 'acknowledged', 'timed_out', 'delete'] as const;
    assert.deepEqual(
      events.map((event) => transition(status, event)),
      TABLE[status],
    );
  });
}

test('nothing comes back from deletion, and what is gone is never usable', () => {
  const events = fc.array(fc.constantFrom<LifeCycleEvent>('deploy', 'acknowledged', 'timed_out', 'delete'), {
    maxLength: 8,
  });
  fc.assert(
    fc.property(fc.constantFrom(...DEPLOYMENT_STATUSES), events, (start, happened) => {
      let status = start;
      for (const event of happened) {
        const next = transition(status, event);
        if (next === null) continue;
        if (isGone(status)) assert.ok(isGone(next));
        status = next;
        assert.ok(!(isGone(status) && isUsable(status)));
      }
    }),
  );
});

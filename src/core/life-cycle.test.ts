import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DEPLOYMENT_STATUSES, isGone, isUsable, type LifeCycleEvent, transition } from './life-cycle.ts';

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

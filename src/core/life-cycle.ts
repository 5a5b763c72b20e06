/** States of a client certificate and of an association (spec/origin-pulls.md 1.5). */
export const DEPLOYMENT_STATUSES = [
  'initializing',
  'pending_deployment',
  'active',
  'pending_deletion',
  'deleted',
  'deployment_timed_out',
  'deletion_timed_out',
] as const;

/** One of `DEPLOYMENT_STATUSES`. */
export type DeploymentStatus = (typeof DEPLOYMENT_STATUSES)[number];

/**
 * What happens to a certificate or association: it is handed to the workers, all of them acknowledge it, one does not
 * in time, or somebody deletes it (voids it, for an association).
 */
export type LifeCycleEvent = 'deploy' | 'acknowledged' | 'timed_out' | 'delete';

const TRANSITIONS: Record<DeploymentStatus, Partial<Record<LifeCycleEvent, DeploymentStatus>>> = {
  initializing: { deploy: 'pending_deployment', delete: 'pending_deletion' },
  // Deleting what is still being deployed cancels the deployment (spec/api.md section 0, row 12).
  pending_deployment: { acknowledged: 'active', timed_out: 'deployment_timed_out', delete: 'pending_deletion' },
  active: { deploy: 'pending_deployment', delete: 'pending_deletion' },
  // A worker that answers late still answers: the state follows the fact.
  deployment_timed_out: { acknowledged: 'active', deploy: 'pending_deployment', delete: 'pending_deletion' },
  pending_deletion: { acknowledged: 'deleted', timed_out: 'deletion_timed_out' },
  deletion_timed_out: { acknowledged: 'deleted' },
  deleted: {},
};

/** The state after `event`, or null where that event is illegal in `status`. */
export function transition(status: DeploymentStatus, event: LifeCycleEvent): DeploymentStatus | null {
  return TRANSITIONS[status][event] ?? null;
}

/** True for a certificate that an origin pull may present: deployed everywhere and not on its way out. */
export function isUsable(status: DeploymentStatus): boolean {
  return status === 'active';
}

/** True from the moment of deletion on: such a certificate is a tombstone, readable by id and never listed. */
export function isGone(status: DeploymentStatus): boolean {
  return status === 'pending_deletion' || status === 'deleted' || status === 'deletion_timed_out';
}

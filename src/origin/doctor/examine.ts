import type { DoctorAttempt, DoctorReport } from '../../core/mod.ts';
import { conclude } from './conclude.ts';
import { examineAddress, mostAttempts } from './examine-address.ts';
import { type Observation, type Probe, probe } from './probe.ts';
import { makeStrangers } from './strangers.ts';
import type { DoctorSubject, DoctorTools } from './subject.ts';

/**
 * Goes to each address of an origin and tries every door. One request an attempt, at most `pace` a second, one after another;
 * at most `mostAttempts` in all. Rejects where a certificate of the subject and its key cannot be loaded.
 */
export async function examine(subject: DoctorSubject, tools: DoctorTools): Promise<DoctorReport> {
  const startedAt = tools.clock.now();
  const strangers = await makeStrangers(subject, tools);
  const most = mostAttempts(subject);
  let made = 0;
  let next = startedAt;
  const paced = async (target: Probe): Promise<Observation> => {
    const now = tools.clock.now();
    if (now < next) await tools.delay(next - now);
    next = Math.max(next, now) + 1000 / tools.pace;
    const observation = await probe(target, tools);
    tools.onProgress?.(++made, most);
    return observation;
  };
  const attempts: DoctorAttempt[] = [];
  const notes = new Set<string>();
  for (const endpoint of subject.endpoints) {
    const found = await examineAddress(endpoint, subject, strangers, paced, startedAt);
    attempts.push(...found.attempts);
    for (const note of found.notes) notes.add(note);
  }
  return {
    version: 1,
    hostname: subject.hostname,
    level: subject.level,
    started_at: new Date(startedAt).toISOString().replace(/\.\d+Z$/, 'Z'),
    duration_ms: Math.round(tools.clock.now() - startedAt),
    ...conclude(subject, attempts, [...notes]),
    attempts,
  };
}

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Workshop } from '../doubles/program.ts';

const LAUNCHER = fileURLToPath(new URL('../../bin/countersign.js', import.meta.url));
const UNIT = readFileSync(new URL('../../deploy/systemd/countersign.service', import.meta.url), 'utf8');
const workshop = new Workshop();
const skip = spawnSync('systemd-analyze', ['--version']).status !== 0 && 'systemd is not installed';

/** The unit with a program that exists here. */
function unit(): string {
  const path = join(workshop.directory, 'countersign.service');
  writeFileSync(path, UNIT.replace('/usr/local/bin/countersign', LAUNCHER));
  return path;
}

test('systemd finds nothing wrong with the unit', { skip }, () => {
  const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', unit()], { encoding: 'utf8' });
  const about = stderr.split('\n').filter((line) => line.includes('countersign'));
  assert.deepEqual([status, about], [0, []], stderr);
});

test('systemd rates the unit as little exposed: 2.0 of 10 at most', { skip }, () => {
  const args = ['security', '--offline=yes', '--threshold=20', '--no-pager', unit()];
  const { status, stdout, stderr } = spawnSync('systemd-analyze', args, { encoding: 'utf8' });
  assert.equal(status, 0, stdout + stderr);
});

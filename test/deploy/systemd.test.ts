import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openListeningSocket } from '../../src/platform/mod.ts';
import { FREE_PORTS, Workshop } from '../doubles/program.ts';

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

test('systemd finds nothing wrong with the sockets', { skip }, () => {
  unit();
  const paths = ['https', 'http'].map((name) => {
    const path = join(workshop.directory, `countersign-${name}.socket`);
    writeFileSync(path, readFileSync(new URL(`../../deploy/systemd/countersign-${name}.socket`, import.meta.url)));
    return path;
  });
  const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', ...paths], { encoding: 'utf8' });
  const about = stderr.split('\n').filter((line) => line.includes('countersign'));
  assert.deepEqual([status, about], [0, []], stderr);
});

test('the launcher passes the sockets on that it was given, and the program listens on them', async () => {
  const socket = await openListeningSocket('127.0.0.1', 0);
  const args = [LAUNCHER, 'up', '--json', '--data', workshop.path(), '--workers', '1', ...FREE_PORTS];
  const address = `127.0.0.1:${socket!.port}`;
  // As systemd does it: the process id is that of what is executed.
  const script = 'LISTEN_PID=$$ exec "$0" "$@"';
  const up = workshop.exec('/bin/sh', ['-c', script, process.execPath, ...args, '--edge-http', address], {
    env: { LISTEN_FDS: '1', LISTEN_FDNAMES: 'http' },
    descriptors: [socket!.fd],
  });
  await up.until(({ stdout }) => stdout.includes('"ready":true'));
  const answer = await fetch(`http://${address}/`, { redirect: 'manual' });
  assert.ok(answer.headers.get('cf-ray'));
  up.child.kill('SIGTERM');
  assert.equal((await up.finished).code, 0);
  socket!.close();
});

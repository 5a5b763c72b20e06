import type { DoctorReport } from '../core/mod.ts';
import { type OriginStage, originStage, type SignedReport } from '../origin/mod.ts';
import type { Client } from './client.ts';

/** What the control plane's doctor found at a hostname's origin. */
export interface Examined {
  readonly hostname: string;
  readonly signed: SignedReport;
  readonly report: DoctorReport;
  readonly stage: OriginStage;
}

/** Has the control plane examine a hostname's origin now. */
export async function examineHostname(
  client: Client,
  hostname: string,
  input: { readonly path?: string; readonly other_names?: readonly string[] } = {},
): Promise<Examined> {
  const zone = await client.zoneOf(hostname);
  const path = `/zones/${zone.id}/countersign/doctor/${encodeURIComponent(hostname)}`;
  const { report: signed } = await client.call<{ readonly report: SignedReport }>('POST', path, input);
  return { hostname, signed, report: signed.report, stage: originStage(signed.report) };
}

/** What a stage means to whoever wants to enforce. */
export const STAGE_TEXTS: Readonly<Record<OriginStage, string>> = {
  refuses_right: "it refuses the edge's certificate: enforcing would stop every request",
  ignores: 'it asks nobody for a certificate',
  unclear: 'it lets everybody in, and does not show whether it trusts this certificate: its own log tells',
  observes: 'it asks for the certificate, trusts its CA, and lets everybody in for now: enforcing is safe',
  enforces: 'it refuses who has no certificate, and lets the edge in',
  unknown: 'it could not be judged',
};

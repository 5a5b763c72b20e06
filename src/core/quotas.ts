/** Limits of the AOP store (spec/origin-pulls.md 1.6). Zone certificates have no documented limit; ten is ours. */
export const QUOTAS = {
  hostnameCertificatesPerZone: 10,
  zoneCertificatesPerZone: 10,
  associationsPerCertificate: 100,
  /** Ours: certificates for visitors. */
  customCertificatesPerZone: 100,
} as const;

/** Limits of the store (of AOP: spec/origin-pulls.md 1.6). Zone certificates have no documented limit; ten is ours. */
export const QUOTAS = {
  hostnameCertificatesPerZone: 10,
  zoneCertificatesPerZone: 10,
  associationsPerCertificate: 100,
  /** Ours: certificates for visitors. */
  customCertificatesPerZone: 100,
  /** Of the account, besides entry points. */
  customRulesetsPerAccount: 100,
  /** As of the largest plan (spec/origin-pulls.md 7.6). */
  rulesPerRuleset: 1000,
  /** Older versions of a ruleset go when there are more. */
  versionsPerRuleset: 100,
  listsPerAccount: 100,
  itemsPerList: 50_000,
  /** Of an account, and of each zone. */
  accessRulesPerScope: 50_000,
  /** As of the largest plan (spec/origin-pulls.md 7.6). */
  lockdownsPerZone: 200,
  userAgentRulesPerZone: 1000,
} as const;

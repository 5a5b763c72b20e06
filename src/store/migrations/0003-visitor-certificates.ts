/**
 * Visitor certificates of two algorithms: an RSA root besides the ECDSA one (made at the next start), issued certificates
 * by name and algorithm, and uploaded ones.
 */
export const visitorCertificates: readonly string[] = [
  'alter table installation add column rsa_root_certificate text',
  'alter table installation add column rsa_root_key text',
  `create table issued_certificates (
    hostname text not null, algorithm text not null, certificate text not null, private_key text not null,
    not_before bigint not null, not_after bigint not null, primary key (hostname, algorithm))`,
  `insert into issued_certificates (hostname, algorithm, certificate, private_key, not_before, not_after)
    select hostname, 'ecdsa', certificate, private_key, not_before, not_after from server_certificates`,
  'drop table server_certificates',
  'alter table issued_certificates rename to server_certificates',
  `create table custom_certificates (
    id text primary key, zone_id text not null references zones (id) on delete cascade, hosts text not null,
    key_type text not null, certificate text not null, fingerprint text not null, private_key text not null,
    issuer text not null, signature text not null, bundle_method text not null, priority integer not null,
    expires_at bigint not null, uploaded_at bigint not null, modified_at bigint not null, change bigint not null)`,
  'create index custom_certificates_by_zone on custom_certificates (zone_id)',
];

/** What the doctor is to do at origins, and what it found last. */
export const doctor: readonly string[] = [
  `create table examinations (
    zone_id text not null references zones (id) on delete cascade, hostname text not null, path text not null,
    other_names text not null, interval bigint, verdict text, verdict_since bigint, examined_at bigint, summary text,
    report text,
    primary key (zone_id, hostname))`,
];

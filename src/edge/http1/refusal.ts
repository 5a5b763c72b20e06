/** A message that is not passed on: what is ambiguous is refused, never repaired (architecture section 6). */
export class Refusal {
  /** Status for the visitor; an origin's refused response becomes 520 whatever stands here. */
  readonly status: number;
  /** What is wrong, for the error page and the log. */
  readonly reason: string;

  constructor(status: number, reason: string) {
    this.status = status;
    this.reason = reason;
  }
}

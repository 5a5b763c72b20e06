/** What the API counts: requests by route pattern and status, errors by the code that the client saw. */
export class ApiCounters {
  readonly #requests = new Map<string, { route: string; method: string; status: number; count: number }>();
  readonly #errors = new Map<number, number>();

  /** A request was answered. `route` is the pattern, never the path: its values are bounded. */
  request(route: string, method: string, status: number): void {
    const key = `${method} ${route} ${status}`;
    const known = this.#requests.get(key);
    if (known === undefined) this.#requests.set(key, { route, method, status, count: 1 });
    else known.count++;
  }

  /** An error of the catalogue was answered. */
  error(code: number): void {
    this.#errors.set(code, (this.#errors.get(code) ?? 0) + 1);
  }

  requests(): Iterable<{ route: string; method: string; status: number; count: number }> {
    return this.#requests.values();
  }

  /** By code. */
  errors(): Iterable<[code: number, count: number]> {
    return this.#errors.entries();
  }
}

import { X509Certificate } from 'node:crypto';
import { type Certificates, ECHO_HOSTNAME, HOSTNAME } from './certificates.ts';
import { fingerprintText } from './echo-origin.ts';
import type { ExpectedIdentity } from './expected-identity.ts';
import type { Product } from './product.ts';

interface Uploaded {
  readonly id: string;
  readonly fingerprint: string;
}

/** Changes identities through the API, as operators do: certificates are replaced, levels are switched. */
export class Rotation {
  readonly #product: Product;
  readonly #certificates: Certificates;
  readonly #expected: ExpectedIdentity;
  readonly #path: string;
  #ofZone: Uploaded;
  #ofHostnames: Uploaded | null = null;
  #step = 0;

  private constructor(
    product: Product,
    certificates: Certificates,
    expected: ExpectedIdentity,
    path: string,
    ofZone: Uploaded,
  ) {
    this.#product = product;
    this.#certificates = certificates;
    this.#expected = expected;
    this.#path = path;
    this.#ofZone = ofZone;
  }

  /** Begins with the one zone certificate that the product has. */
  static async begin(product: Product, certificates: Certificates, expected: ExpectedIdentity): Promise<Rotation> {
    const path = `/zones/${product.zoneId}/origin_tls_client_auth`;
    const [only] = await product.call<{ id: string }[]>('GET', path);
    return new Rotation(product, certificates, expected, path, { id: only!.id, fingerprint: expected.newest });
  }

  /** Makes the next change, and resolves when it is in use everywhere. */
  async next(): Promise<void> {
    const steps = [
      () => this.#replaceOfZone(),
      () => this.#associate(),
      () => this.#associate(),
      () => this.#switchZoneLevel(false),
      () => this.#switchZoneLevel(true),
      () => this.#replaceOfZone(),
      () => this.#dissociate(),
    ];
    await steps[this.#step++ % steps.length]!();
  }

  async #replaceOfZone(): Promise<void> {
    const old = this.#ofZone;
    const isInUse = this.#expected.newest === old.fingerprint;
    this.#ofZone = await this.#upload(this.#path, isInUse);
    await this.#product.call('DELETE', `${this.#path}/${old.id}`);
    if (isInUse) this.#expected.changed();
  }

  /** Gives the hostnames a certificate of their own, in place of the one that they have. */
  async #associate(): Promise<void> {
    const store = `${this.#path}/hostnames/certificates`;
    const old = this.#ofHostnames;
    this.#ofHostnames = await this.#upload(store, true);
    await this.#putAssociations(this.#ofHostnames.id, true);
    if (old !== null) await this.#product.call('DELETE', `${store}/${old.id}`);
    this.#expected.changed();
  }

  /** The zone level is in use again. */
  async #dissociate(): Promise<void> {
    const old = this.#ofHostnames!;
    this.#ofHostnames = null;
    this.#expected.changing(this.#ofZone.fingerprint);
    await this.#putAssociations(old.id, null);
    this.#expected.changed();
    await this.#product.call('DELETE', `${this.#path}/hostnames/certificates/${old.id}`);
  }

  /** Changes nothing for hostnames that have their own. */
  async #switchZoneLevel(enabled: boolean): Promise<void> {
    await this.#product.call('PUT', `${this.#path}/settings`, { enabled });
  }

  async #putAssociations(certId: string, enabled: boolean | null): Promise<void> {
    const config = [HOSTNAME, ECHO_HOSTNAME].map((hostname) => ({ hostname, cert_id: certId, enabled }));
    await this.#product.call('PUT', `${this.#path}/hostnames`, { config });
  }

  async #upload(path: string, isNext: boolean): Promise<Uploaded> {
    const { certificate, privateKey } = await this.#certificates.issueClient();
    const fingerprint = fingerprintText(new X509Certificate(certificate).fingerprint);
    if (isNext) this.#expected.changing(fingerprint);
    const { id } = await this.#product.call<{ id: string }>('POST', path, { certificate, private_key: privateKey });
    return { id, fingerprint };
  }
}

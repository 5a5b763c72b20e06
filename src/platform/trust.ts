import tls, { type SecureContext, type SecureContextOptions } from 'node:tls';
import { currentRuntime } from './runtime.ts';

/** Node's own part of a context, which adds an authority to the store that all contexts share a copy of. */
interface NativeContext {
  addCACert?(pem: string): void;
}

/**
 * A client's TLS context that trusts the public CAs, those that NODE_EXTRA_CA_CERTS names, and the certificates of `roots`
 * (PEM). On Node a list of its own costs a context 1.2 MB and some 90 ms, because each parses every CA again; one that
 * starts from the shared store costs 45 KB and 5 ms.
 */
export function createTrustingContext(options: SecureContextOptions, roots: string): SecureContext {
  if (currentRuntime().name === 'node') {
    const shared = tls.createSecureContext(options);
    const native = shared.context as NativeContext;
    if (roots === '') return shared;
    if (typeof native.addCACert === 'function') {
      native.addCACert(roots);
      return shared;
    }
  }
  const own = roots === '' ? [] : [roots];
  return tls.createSecureContext({ ...options, ca: [...tls.getCACertificates('default'), ...own] });
}

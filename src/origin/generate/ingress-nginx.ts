import type { Generator, OriginDescription, Warning } from './description.ts';
import { blocks, comment, preamble } from './text.ts';

const TITLE = 'Kubernetes ingress-nginx';
const WARNINGS: readonly Warning[] = [
  {
    cve: 'CVE-2025-23419',
    versions: 'controllers with nginx 1.11.4 to 1.26.2 and 1.27.0 to 1.27.3',
    text: 'a session of one host resumes at another that demands a certificate. Set ssl-session-tickets and ssl-session-cache to "false" in the ConfigMap.',
  },
];

/** An Ingress for the ingress-nginx controller. */
export const ingressNginx: Generator = {
  title: TITLE,
  paths: { trust: 'origin-pull-ca.pem', certificate: 'origin.pem', key: 'origin.key', log: 'origin-pull' },
  contents: ['backend'],
  defaultContent: { kind: 'backend', host: 'origin', port: 8080 },
  warnings: WARNINGS,
  files: (description) => [{ name: 'origin-pull.yaml', text: text(description) }],
};

function text(description: OriginDescription): string {
  const { trust, certificate, key, hostnames, stage, content } = description;
  const service = content.kind === 'backend' ? content : { host: '', port: 0 };
  return blocks(
    comment(preamble(TITLE, description, WARNINGS)),
    comment([
      'Once, in the namespace of the Ingress:',
      `  kubectl create secret generic origin-pull-ca --from-file=ca.crt=${trust}`,
      `  kubectl create secret tls origin --cert=${certificate} --key=${key}`,
      'Without the secret origin-pull-ca the controller answers 403 for the host: it stays shut.',
      'The backend is the Service of this name; it must not be reachable from outside (ClusterIP, no NodePort).',
    ]),
    `apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: origin-pull
  annotations:
    # NAMESPACE/NAME; change "default" to the namespace of the secret.
    nginx.ingress.kubernetes.io/auth-tls-secret: "default/origin-pull-ca"
    nginx.ingress.kubernetes.io/auth-tls-verify-client: "${stage === 'enforce' ? 'on' : 'optional_no_ca'}"
    # A leaf directly under the CA; one more for each intermediate between them.
    nginx.ingress.kubernetes.io/auth-tls-verify-depth: "1"
    # Tells the application: ssl-client-verify, ssl-client-subject-dn, ssl-client-cert. The controller overwrites them always.
    nginx.ingress.kubernetes.io/auth-tls-pass-certificate-to-upstream: "true"
    # Pin: let in one subject only.
    # nginx.ingress.kubernetes.io/auth-tls-match-cn: "CN=the edge"
    # Plain HTTP carries no client certificate: it is answered with a redirect, never served.
    nginx.ingress.kubernetes.io/force-ssl-redirect: "true"
spec:
  ingressClassName: nginx
  tls:
    - hosts: [${hostnames.join(', ')}]
      secretName: origin
  rules:
${hostnames
  .map(
    (name) => `    - host: ${name}
      http:
        paths:
          - path: /
            pathType: Prefix
            backend:
              service:
                name: ${service.host}
                port:
                  number: ${service.port}`,
  )
  .join('\n')}`,
  );
}

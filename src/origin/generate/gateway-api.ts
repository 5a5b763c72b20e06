import type { Generator, OriginDescription } from './description.ts';
import { blocks, comment, preamble } from './text.ts';

const TITLE = 'Kubernetes Gateway API';

/** A Gateway and a route, Gateway API 1.5 or newer (`spec.tls.frontend`). */
export const gatewayApi: Generator = {
  title: TITLE,
  paths: { trust: 'origin-pull-ca.pem', certificate: 'origin.pem', key: 'origin.key', log: 'origin-pull' },
  contents: ['backend'],
  defaultContent: { kind: 'backend', host: 'origin', port: 8080 },
  warnings: [],
  files: (description) => [{ name: 'origin-pull.yaml', text: text(description) }],
};

function text(description: OriginDescription): string {
  const { trust, certificate, key, hostnames, stage, content, httpsPort } = description;
  const service = content.kind === 'backend' ? content : { host: '', port: 0 };
  return blocks(
    comment(preamble(TITLE, description, [])),
    comment([
      'Once, in the namespace of the Gateway:',
      `  kubectl create configmap origin-pull-ca --from-file=ca.crt=${trust}`,
      `  kubectl create secret tls origin --cert=${certificate} --key=${key}`,
      'Client certificates are demanded for a port, so that all its listeners demand them. There is no listener for plain HTTP,',
      'which carries none, and none for other names. Look whether your implementation has the feature, and the stage observe',
      '(kubectl get gatewayclass NAME -o yaml: GatewayFrontendClientCertificateValidation and ...InsecureFallback).',
    ]),
    `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata:
  name: origin-pull
spec:
  # The name of your implementation's class.
  gatewayClassName: example
  tls:
    frontend:
      default:
        validation:
          # AllowInsecureFallback lets everybody in; AllowValidOnly refuses whoever shows no valid certificate.
          mode: ${stage === 'enforce' ? 'AllowValidOnly' : 'AllowInsecureFallback'}
          caCertificateRefs:
            - group: ""
              kind: ConfigMap
              name: origin-pull-ca
  listeners:
${hostnames
  .map(
    (name, i) => `    - name: https-${i + 1}
      hostname: ${name}
      port: ${httpsPort}
      protocol: HTTPS
      tls:
        mode: Terminate
        certificateRefs:
          - group: ""
            kind: Secret
            name: origin`,
  )
  .join('\n')}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  name: origin-pull
spec:
  parentRefs:
    - name: origin-pull
  hostnames: [${hostnames.join(', ')}]
  rules:
    - backendRefs:
        - name: ${service.host}
          port: ${service.port}`,
  );
}

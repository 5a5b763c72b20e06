import type { Generator, OriginDescription } from './description.ts';
import { blocks, comment, preamble } from './text.ts';

const TITLE = 'AWS Application Load Balancer';

/** Commands of the AWS CLI, version 2, for a load balancer that is there already. */
export const awsAlb: Generator = {
  title: TITLE,
  paths: { trust: 'origin-pull-ca.pem', certificate: 'origin.pem', key: 'origin.key', log: 'origin-pull' },
  contents: [],
  defaultContent: { kind: 'files', root: '.' },
  warnings: [],
  files: (description) => [{ name: 'origin-pull.sh', text: text(description) }],
};

function text(description: OriginDescription): string {
  const { trust, hostnames, stage } = description;
  return blocks(
    `#!/usr/bin/env bash\n${comment(preamble(TITLE, description, []))}`,
    `set -euo pipefail
: "\${BUCKET:?an S3 bucket that holds the trust file}"
: "\${HTTPS_LISTENER:?ARN of the HTTPS listener}"
: "\${HTTP_LISTENER:=}" # ARN of the HTTP listener; empty if there is none, which is best
: "\${TARGET_GROUP:?ARN of the target group of the origin}"`,
    `# What the load balancer trusts: these CAs and no other. A trust store is changed as a whole; the listener follows by itself.
aws s3 cp '${trust}' "s3://$BUCKET/origin-pull-ca.pem"
if store=$(aws elbv2 describe-trust-stores --names origin-pull --query 'TrustStores[0].TrustStoreArn' --output text 2>/dev/null); then
  aws elbv2 modify-trust-store --trust-store-arn "$store" \\
    --ca-certificates-bundle-s3-bucket "$BUCKET" --ca-certificates-bundle-s3-key origin-pull-ca.pem
else
  store=$(aws elbv2 create-trust-store --name origin-pull --query 'TrustStores[0].TrustStoreArn' --output text \\
    --ca-certificates-bundle-s3-bucket "$BUCKET" --ca-certificates-bundle-s3-key origin-pull-ca.pem)
fi`,
    `# Unknown names get 421; only these names reach the origin.
aws elbv2 modify-listener --listener-arn "$HTTPS_LISTENER" \\
  --ssl-policy ELBSecurityPolicy-TLS13-1-2-2021-06 \\
  --default-actions '[{"Type":"fixed-response","FixedResponseConfig":{"StatusCode":"421","ContentType":"text/plain"}}]'
aws elbv2 create-rule --listener-arn "$HTTPS_LISTENER" --priority 1 \\
  --conditions '[{"Field":"host-header","HostHeaderConfig":{"Values":${JSON.stringify(hostnames)}}}]' \\
  --actions "Type=forward,TargetGroupArn=$TARGET_GROUP"`,
    stage === 'enforce'
      ? `# Refuse whoever does not show a certificate of the trust store. One mode holds for all names of the listener.
aws elbv2 modify-listener --listener-arn "$HTTPS_LISTENER" \\
  --mutual-authentication "Mode=verify,TrustStoreArn=$store,IgnoreClientCertificateExpiry=false"`
      : `# Ask, verify nothing, and tell the application in X-Amzn-Mtls-Clientcert. The load balancer removes what came under
# that name from outside.
aws elbv2 modify-listener --listener-arn "$HTTPS_LISTENER" --mutual-authentication Mode=passthrough`,
    `# Plain HTTP carries no client certificate: it is refused, never served.
if [ -n "$HTTP_LISTENER" ]; then
  aws elbv2 modify-listener --listener-arn "$HTTP_LISTENER" \\
    --default-actions '[{"Type":"fixed-response","FixedResponseConfig":{"StatusCode":"403","ContentType":"text/plain"}}]'
fi`,
    comment([
      'Still to do by hand: rules of the HTTP listener go before its default action, so remove them; the security group of the',
      'targets must let in the load balancer only, or whoever finds a target goes around all of this; the connection log',
      '(connection_logs.s3.enabled) holds what each client showed.',
    ]),
  );
}

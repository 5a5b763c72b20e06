import type { Generator, OriginDescription } from './description.ts';
import { blocks, comment, preamble } from './text.ts';

const TITLE = 'IIS';

/** IIS 10 or newer (Windows Server 2019): a script for an administrator's PowerShell, and the site's web.config. */
export const iis: Generator = {
  title: TITLE,
  paths: {
    trust: 'C:\\origin-pull\\origin-pull-ca.cer',
    certificate: 'C:\\origin-pull\\origin.pfx',
    key: 'C:\\origin-pull\\origin.pfx',
    log: 'C:\\inetpub\\logs',
  },
  contents: ['files'],
  defaultContent: { kind: 'files', root: 'C:\\inetpub\\wwwroot' },
  warnings: [],
  files: (description) => [
    { name: 'origin-pull.ps1', text: script(description) },
    { name: 'web.config', text: webConfig(description) },
  ],
};

function script(description: OriginDescription): string {
  const { hostnames, trust, certificate, httpsPort, content } = description;
  const root = content.kind === 'files' ? content.root : '';
  return blocks(
    comment(preamble(TITLE, description, [])),
    `$ErrorActionPreference = 'Stop'
Import-Module WebAdministration
$site = 'origin-pull'
$names = @(${hostnames.map((name) => `'${name}'`).join(', ')})`,
    `# A binding without a name would serve every unknown name: there must be none.
if (netsh http show sslcert | Select-String '0\\.0\\.0\\.0:${httpsPort}|\\[::\\]:${httpsPort}') {
  throw 'Port ${httpsPort} has a certificate without a name: remove it (netsh http delete sslcert ipport=...) and run this again.'
}`,
    `# By itself Windows takes any client whose CA the machine trusts. With ClientAuthTrustMode 2 only the CAs in the store
# ClientAuthIssuer count, for all bindings that name it. One certificate a file: run Import-Certificate for each CA.
Import-Certificate -FilePath '${trust}' -CertStoreLocation Cert:\\LocalMachine\\Root | Out-Null
Import-Certificate -FilePath '${trust}' -CertStoreLocation Cert:\\LocalMachine\\ClientAuthIssuer | Out-Null
$schannel = 'HKLM:\\SYSTEM\\CurrentControlSet\\Control\\SecurityProviders\\SCHANNEL'
Set-ItemProperty -Path $schannel -Name ClientAuthTrustMode -Value 2 -Type DWord
$own = Import-PfxCertificate -FilePath '${certificate}' -CertStoreLocation Cert:\\LocalMachine\\My -Password (Read-Host 'Password of the PFX file' -AsSecureString)`,
    `# Bindings by name (SNI) on all addresses, IPv4 and IPv6, and none for plain HTTP, which carries no client certificate.
# The certificate is asked for in the handshake: HTTP/2 and TLS 1.3 leave no second chance to ask.
if (-not (Test-Path "IIS:\\Sites\\$site")) {
  New-Website -Name $site -PhysicalPath '${root}' -HostHeader $names[0] -Port ${httpsPort} -Ssl -SslFlags 1 | Out-Null
}
foreach ($name in $names) {
  if (-not (Get-WebBinding -Name $site -Protocol https -HostHeader $name)) {
    New-WebBinding -Name $site -Protocol https -Port ${httpsPort} -HostHeader $name -SslFlags 1
  }
  netsh http delete sslcert hostnameport="$($name):${httpsPort}" | Out-Null
  netsh http add sslcert hostnameport="$($name):${httpsPort}" certhash=$($own.Thumbprint) certstorename=MY \`
    appid='{6f0e6f0a-5d0c-4a55-9c0b-2f0d1c5a7e11}' sslctlstorename=ClientAuthIssuer clientcertnegotiation=enable
  if ($LASTEXITCODE -ne 0) { throw "netsh refused the binding of $name." }
}
Get-WebBinding -Name $site -Protocol http | Remove-WebBinding`,
    `# web.config may say what is demanded.
& "$env:windir\\system32\\inetsrv\\appcmd.exe" unlock config -section:system.webServer/security/access`,
  );
}

function webConfig({ stage, content }: OriginDescription): string {
  const root = content.kind === 'files' ? content.root : '';
  const flags = stage === 'enforce' ? 'Ssl, SslNegotiateCert, SslRequireCert' : 'Ssl, SslNegotiateCert';
  return `<?xml version="1.0" encoding="UTF-8"?>
<!-- In ${root}. The application sees the certificate in CERT_SUBJECT, CERT_ISSUER and CERT_FLAGS. -->
<configuration>
  <system.webServer>
    <security>
      <access sslFlags="${flags}" />
    </security>
  </system.webServer>
</configuration>
`;
}

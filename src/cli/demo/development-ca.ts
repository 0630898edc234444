/**
 * A certificate authority for one machine: the demo and the tests make their TLS certificates with it. Its keys are
 * worth nothing elsewhere and must never leave the ignored folder they are written to.
 */
import "reflect-metadata";
import { webcrypto, X509Certificate as NodeCertificate } from "node:crypto";
import * as x509 from "@peculiar/x509";

x509.cryptoProvider.set(webcrypto as unknown as Parameters<typeof x509.cryptoProvider.set>[0]);

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const DAY_MS = 86_400_000;

export interface CertificateRequest {
  readonly commonName: string;
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
  readonly uris?: readonly string[];
  /** What it may be used for: to serve, or to call (RFC 5280 section 4.2.1.12). */
  readonly usage: "server" | "caller";
  /** Days from now; negative makes an expired certificate. Default 90. */
  readonly validDays?: number;
}

export interface IssuedCertificate {
  readonly certificatePem: string;
  readonly keyPem: string;
  /** Base64url SHA-256 of the DER certificate (RFC 8705 `x5t#S256`). */
  readonly thumbprintSha256: string;
}

export interface DevelopmentCa {
  readonly certificatePem: string;
  readonly keyPem: string;
  issue(request: CertificateRequest): Promise<IssuedCertificate>;
}

export async function createDevelopmentCa(
  commonName = "Portcullis development CA",
): Promise<DevelopmentCa> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: `CN=${commonName}`,
    notBefore: new Date(Date.now() - DAY_MS),
    notAfter: new Date(Date.now() + 3650 * DAY_MS),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return authorityOf(certificate, keys.privateKey);
}

async function authorityOf(
  authority: x509.X509Certificate,
  signingKey: webcrypto.CryptoKey,
): Promise<DevelopmentCa> {
  return {
    certificatePem: pemText(authority.toString("pem")),
    keyPem: await exportKey(signingKey),
    issue: (request) => issue(request, authority, signingKey),
  };
}

async function issue(
  request: CertificateRequest,
  authority: x509.X509Certificate,
  signingKey: webcrypto.CryptoKey,
): Promise<IssuedCertificate> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const validMs = (request.validDays ?? 90) * DAY_MS;
  const names: x509.JsonGeneralName[] = [
    ...(request.dnsNames ?? []).map((value) => ({ type: "dns", value }) as const),
    ...(request.ipAddresses ?? []).map((value) => ({ type: "ip", value }) as const),
    ...(request.uris ?? []).map((value) => ({ type: "url", value }) as const),
  ];
  const usage =
    request.usage === "server"
      ? x509.ExtendedKeyUsage.serverAuth
      : x509.ExtendedKeyUsage.clientAuth;
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: `CN=${request.commonName}`,
    issuer: authority.subject,
    notBefore: new Date(Math.min(Date.now(), Date.now() + validMs) - DAY_MS),
    notAfter: new Date(Date.now() + validMs),
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([usage]),
      ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : []),
      await x509.AuthorityKeyIdentifierExtension.create(authority.publicKey),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const certificatePem = pemText(certificate.toString("pem"));
  const fingerprint = new NodeCertificate(certificatePem).fingerprint256.replaceAll(":", "");
  return {
    certificatePem,
    keyPem: await exportKey(keys.privateKey),
    thumbprintSha256: Buffer.from(fingerprint, "hex").toString("base64url"),
  };
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  return pemText(
    x509.PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", key), "PRIVATE KEY"),
  );
}

/** A positive 127-bit serial number (RFC 5280 section 4.1.2.2). */
function serialNumber(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(16));
  bytes[0] = ((bytes[0] as number) & 0x7f) | 0x40;
  return Buffer.from(bytes).toString("hex");
}

const pemText = (pem: string): string => (pem.endsWith("\n") ? pem : `${pem}\n`);

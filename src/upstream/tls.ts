/**
 * How an https target is verified and what the gateway shows it, made once at load. Verification is never switched off;
 * a file that holds nothing usable is an error at load, never an empty list of authorities.
 */
import { X509Certificate } from "node:crypto";
import { createSecureContext, type SecureContext } from "node:tls";
import type { buildConnector } from "undici";

/** The files of an upstream's `tls` section, read. */
export interface TlsMaterial {
  readonly ca: string | undefined;
  readonly certificate: string | undefined;
  readonly key: string | undefined;
  readonly serverName: string | undefined;
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
const MIN_VERSION = "TLSv1.2";

/** Options of every TLS connection to the upstream; throws when the material does not fit together. */
export function tlsOptionsOf(material: TlsMaterial | undefined): buildConnector.BuildOptions {
  const options = {
    // Made once: parsing authorities and keys again for each connection costs more than the handshake.
    secureContext: secureContextOf(material),
    minVersion: MIN_VERSION,
    rejectUnauthorized: true,
  } as const;
  const serverName = material?.serverName;
  return serverName === undefined ? options : { ...options, servername: serverName };
}

function secureContextOf(material: TlsMaterial | undefined): SecureContext {
  const { ca, certificate, key } = material ?? {};
  return createSecureContext({
    minVersion: MIN_VERSION,
    // Without `ca` the platform's authorities are trusted; with it, these and no others.
    ...(ca !== undefined && { ca: certificatesIn(ca, "ca") }),
    ...(certificate !== undefined && {
      cert: certificatesIn(certificate, "certificate").join("\n"),
    }),
    ...(key !== undefined && { key }),
  });
}

/** Node takes a file without certificates for an empty list, silently: that list is checked here. */
function certificatesIn(pem: string, setting: string): string[] {
  const found = pem.match(CERTIFICATE) ?? [];
  if (found.length === 0) throw new Error(`tls.${setting}: no PEM certificate in the file`);
  if (!found.every(isReadable))
    throw new Error(`tls.${setting}: a certificate that cannot be read`);
  return found;
}

function isReadable(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}

/** Says to operators what is wrong with the way to a Redis and what to do about it. Never repeats a secret. */
import { printAddress, type RedisAddress } from "./redis-settings.ts";

/** What of the message or code says so, and the sentence that follows it. First match wins. */
const ADVICE: readonly (readonly [RegExp, string])[] = [
  [
    /WRONGPASS|invalid password/,
    "the user or password is wrong: check store.user and store.password",
  ],
  [/NOAUTH/, "it asks for a password: set store.password"],
  [/AUTH.*called without any password/, "it has no password: remove store.password"],
  [
    /NOPERM/,
    "its ACL does not allow what the gateway needs: grant the commands and keys of the prefix",
  ],
  [/^MOVED|^ASK/, "it is part of a Cluster: name its servers under store.cluster"],
  [/READONLY/, "it is a replica: name the primary, or let store.sentinel find it"],
  [/OOM/, "its memory is full: raise maxmemory, with the policy noeviction"],
  [/max number of clients/, "it has no connections left: raise its maxclients"],
  [/MISCONF|NOREPLICAS/, "it takes no writes: see its own log"],
  [/LOADING|BUSY|MASTERDOWN|CLUSTERDOWN/, "it is not ready"],
  [/ERR_TLS_CERT_ALTNAME_INVALID/, "its certificate is for another name: set store.tls.serverName"],
  [
    /CERTIFICATE_REQUIRED|certificate required|HANDSHAKE_FAILURE|handshake failure/i,
    "it asks for a client certificate: set store.tls.certificate and store.tls.key",
  ],
  [
    /UNKNOWN_CA|unknown ca|BAD_CERTIFICATE|bad certificate/i,
    "it does not trust the certificate of store.tls.certificate",
  ],
  [
    /UNABLE_TO_|SELF_SIGNED|CERT_|unable to verify|self.signed/i,
    "its certificate is not trusted: check store.tls.ca",
  ],
  [
    /WRONG_VERSION_NUMBER|wrong version number|EPROTO/i,
    "it does not speak TLS there: remove store.tls",
  ],
  [/Connection timeout/i, "it cannot be reached, or does not speak TLS there"],
  [/ENOTFOUND|EAI_AGAIN/, "its name is not found: check the host"],
  [/ECONNREFUSED/, "nothing listens there, or it is starting"],
  [
    /closed unexpectedly|ECONNRESET|EPIPE/,
    "it closed the connection: it may have ended, speak TLS, ask for a client certificate or refuse this address",
  ],
];

/** One sentence for the log. */
export function toOperatorWords(error: unknown, address: RedisAddress | undefined): string {
  const { code = "", message } = (
    error instanceof Error ? error : new Error(String(error))
  ) as Error & { code?: string };
  const said = code !== "" && !message.includes(code) ? `${code} ${message}` : message;
  const where = address === undefined ? "Redis" : `Redis at ${printAddress(address)}`;
  const advice = ADVICE.find(([pattern]) => pattern.test(said))?.[1];
  return advice === undefined ? `${where}: ${said}` : `${where}: ${advice} (${said})`;
}

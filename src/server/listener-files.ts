/** Reads what a configured listener names: certificates, key, authorities. Read anew at every reload, never per handshake. */
import type { FileRef } from "../config/secrets/reference.ts";
import { listenerName, type ListenerConfig, type TlsConfig } from "./config.ts";
import type { ListenerSettings } from "./listener.ts";
import type { TlsMaterial } from "./tls-handshakes.ts";

/** Gives a referenced file's bytes; paths are relative to the configuration file, which only the caller knows. */
export type ReadFileRef = (reference: FileRef) => Promise<Buffer>;

/** The listener with its files read; rejects with the reader's error when one cannot be read. */
export async function readListener(
  config: ListenerConfig,
  read: ReadFileRef,
): Promise<ListenerSettings> {
  const { host, port } = config.bind;
  const tls = config.tls && (await readTls(config.tls, read));
  return { name: listenerName(config), host, port, tls };
}

async function readTls(config: TlsConfig, read: ReadFileRef): Promise<TlsMaterial> {
  const { ca, crl, mode } = config.callers;
  return {
    certificate: await read(config.certificate),
    key: await read(config.key),
    minVersion: config.minVersion,
    callers: {
      mode,
      ca: ca && (await read(ca)),
      crl: crl && (await read(crl)),
    },
  };
}

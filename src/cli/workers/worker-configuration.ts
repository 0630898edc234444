/**
 * One worker's part of a configuration: files that only one process may write get a name of its own, and limits that a
 * process counts by itself are divided, so that all workers together never allow more than the configuration says.
 */
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import type { Configuration } from "../../gateway/configuration.ts";
import type { RootConfig } from "../../gateway/schema.ts";
import type { WorkerSeat } from "./worker-seat.ts";

/** The first worker keeps the files of a single process: a change of `workers` takes up where the other left off. */
const nameOf = ({ number }: WorkerSeat): string | undefined =>
  number === 1 ? undefined : `worker-${number}`;

export function configurationOfWorker(
  configuration: Configuration,
  seat: WorkerSeat,
): Configuration {
  const { root } = configuration;
  return {
    ...configuration,
    root: {
      ...root,
      server: dividedServer(root.server, seat.count),
      sources: dividedSources(root.sources, seat.count),
      ...(root.ledger && { ledger: ledgerOf(root.ledger, seat) }),
      ...(root.constitution && { constitution: constitutionOf(root.constitution, seat) }),
    },
  };
}

/** State files that are copied to a worker before it starts, from whichever process wrote last. */
export function stateFilesOf(
  { root, loaded }: Configuration,
  seat: WorkerSeat,
): { readonly own: string; readonly others: readonly string[] }[] {
  const { constitution } = root;
  if (constitution === undefined) return [];
  const bases = [constitution.state, constitution.breakGlass?.state];
  return bases
    .filter((path) => path !== undefined)
    .map((base) => {
      const path = resolve(loaded.directory, base);
      const all = Array.from({ length: seat.count }, (_, i) =>
        stateFile(path, { number: i + 1, count: seat.count }),
      );
      const own = stateFile(path, seat);
      return { own, others: all.filter((other) => other !== own) };
    });
}

const stateFile = (path: string, seat: WorkerSeat): string => {
  const name = nameOf(seat);
  return name === undefined ? path : `${path}.${name}`;
};

/** Rounded down, so that all parts together are not more than the whole; each worker allows at least one. */
const shareOf = (whole: number, count: number): number => Math.max(1, Math.floor(whole / count));

function dividedServer(server: RootConfig["server"], count: number): RootConfig["server"] {
  const { limits } = server;
  return {
    ...server,
    limits: {
      ...limits,
      connections: shareOf(limits.connections, count),
      connectionsPerAddress: shareOf(limits.connectionsPerAddress, count),
    },
  };
}

/** What a process counts of addresses. Lists, and how long a block lasts, are the same everywhere. */
function dividedSources(sources: RootConfig["sources"], count: number): RootConfig["sources"] {
  const divided = <Counted extends { readonly count: number }>(rate: Counted): Counted => ({
    ...rate,
    count: shareOf(rate.count, count),
  });
  const { extraction } = sources;
  const lists = Object.entries(sources.lists).map(([name, list]) => [
    name,
    list.action === "throttle" ? { ...list, rate: divided(list.rate) } : list,
  ]);
  return {
    ...sources,
    rate: divided(sources.rate),
    failedAuthentications: divided(sources.failedAuthentications),
    blocks: { ...sources.blocks, after: divided(sources.blocks.after) },
    extraction: {
      ...extraction,
      ...(extraction.throttle && {
        throttle: { ...extraction.throttle, to: divided(extraction.throttle.to) },
      }),
    },
    lists: Object.fromEntries(lists) as typeof sources.lists,
  };
}

type Ledger = NonNullable<RootConfig["ledger"]>;

/** A stream of its own, under a name of its own: two histories of one name would look like a forged one. */
function ledgerOf(ledger: Ledger, seat: WorkerSeat): Ledger {
  const name = nameOf(seat);
  if (name === undefined) return ledger;
  return {
    ...ledger,
    directory: join(ledger.directory, name),
    gateway: `${ledger.gateway ?? hostname()}/${name}`,
  };
}

type Constitution = NonNullable<RootConfig["constitution"]>;

function constitutionOf(section: Constitution, seat: WorkerSeat): Constitution {
  const { breakGlass } = section;
  return {
    ...section,
    state: stateFile(section.state, seat),
    ...(breakGlass && { breakGlass: { ...breakGlass, state: stateFile(breakGlass.state, seat) } }),
  };
}

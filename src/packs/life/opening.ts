/**
 * What serves after a start: the pack in the files, held against what the state file remembers, after a promotion that
 * was interrupted has been brought to its end. It must never choose between two packs by what merely lies on the disk.
 */
import type { SignedSource, PackTrust } from "../sign/trust.ts";
import { discardAll, type PackFiles } from "./pack-files.ts";
import type { ConstitutionEvent } from "./constitution-event.ts";
import { isRefusal, LifeRefused, reasonOf } from "./life-error.ts";
import {
  loadPack,
  nameOf,
  type HighestRelease,
  type KeptPack,
  type LoadedPack,
  type PackName,
} from "./loaded-pack.ts";
import type { ConstitutionState, StateFile, StoredPack } from "./state-file.ts";

export interface OpeningOptions {
  readonly files: PackFiles;
  readonly stateFile: StateFile;
  readonly trust: PackTrust;
  readonly acknowledged: readonly string[];
  readonly nowMs: number;
  readonly onEvent: (event: ConstitutionEvent) => void;
}

export interface OpenedPacks {
  readonly active: KeptPack;
  readonly prev: KeptPack | undefined;
  /** The pack that was active before the start, where that was another. */
  readonly replaced: PackName | undefined;
  readonly state: ConstitutionState;
}

/** Throws `PackRefused` or `LifeRefused`: nothing serves without a good pack. */
export async function openPacks(options: OpeningOptions): Promise<OpenedPacks> {
  const { stateFile, trust, acknowledged, nowMs, onEvent } = options;
  const found = await stateFile.read();
  const { source, isBehind } = await activeSource(options, found);
  const before = found?.active.blake3;
  const active = loadPack(
    source,
    { highest: found?.highest, active: found?.active, standing: before },
    { trust, acknowledged, nowMs },
  );
  const isSame = active.loaded.blake3 === before;
  const state: ConstitutionState = {
    active: storedOf(active),
    prev: isSame ? found?.prev : found?.active,
    highest: highestOf(found?.highest, active.loaded),
    candidate: found?.candidate,
    unfinished: isBehind ? found?.unfinished : undefined,
  };
  const result = await stateFile.write(state);
  if (found === undefined) onEvent({ kind: "state_created", path: stateFile.path });
  if (result === "unsynced") onEvent({ kind: "state_unsynced", path: stateFile.path });
  const prev = tryLoadPrev(state.prev, options);
  return { active, prev, replaced: isSame || !prev ? undefined : nameOf(prev.loaded), state };
}

/** What a pack that becomes active makes of the highest release: it only rises. */
export function highestOf(
  highest: HighestRelease | undefined,
  { name, releaseVersion: version, blake3 }: LoadedPack,
): HighestRelease | undefined {
  if (name === undefined || version === undefined) return highest;
  return highest !== undefined && highest.version >= version ? highest : { name, version, blake3 };
}

export function storedOf({ loaded, source }: KeptPack): StoredPack {
  return { blake3: loaded.blake3, source };
}

/** Makes the files what `state.active` is, when nobody has written them since that was decided. */
export async function catchUpFiles(
  files: PackFiles,
  { active, prev, unfinished }: ConstitutionState,
): Promise<readonly string[] | "touched"> {
  if (unfinished === undefined) return [];
  if (!(await files.isUntouchedSince(unfinished, active.source))) return "touched";
  const staged = await files.stage(active.source);
  try {
    return await files.finish(staged, active.source, prev?.source);
  } catch (error) {
    await discardAll(staged);
    throw new LifeRefused(
      "life.files_unwritable",
      `the pack's files do not say yet what is active: ${reasonOf(error)}`,
    );
  }
}

async function activeSource(
  { files, onEvent }: OpeningOptions,
  found: ConstitutionState | undefined,
): Promise<{ readonly source: SignedSource; readonly isBehind: boolean }> {
  if (found?.unfinished === undefined) return { source: await files.readActive(), isBehind: false };
  try {
    const written = await catchUpFiles(files, found);
    // A new pack was laid down after the interruption: it is judged like any other.
    if (written === "touched") return { source: await files.readActive(), isBehind: false };
    onEvent({ kind: "files_written", blake3: found.active.blake3, setAside: written });
    return { source: found.active.source, isBehind: false };
  } catch (error) {
    if (!isRefusal(error)) throw error;
    onEvent({ kind: "files_behind", message: error.message });
    return { source: found.active.source, isBehind: true };
  }
}

/** It was active, so what lint says about it has been taken before. */
function tryLoadPrev(
  stored: StoredPack | undefined,
  { trust, nowMs, onEvent }: OpeningOptions,
): KeptPack | undefined {
  if (stored === undefined) return undefined;
  try {
    return loadPack(stored.source, {}, { trust, acknowledged: undefined, nowMs });
  } catch (error) {
    if (!isRefusal(error)) throw error;
    const { code, message } = error;
    onEvent({ kind: "refused", operation: "open", stage: "prev", code, message });
    return undefined;
  }
}

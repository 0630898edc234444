/**
 * A lock folder that lets one run install while others wait. A lock whose owner died is taken over; a living owner's
 * lock is never broken.
 */
import { randomUUID } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { BootstrapProblem } from "./advice.js";

const POLL_MS = 200;
const HEARTBEAT_MS = 2_000;
/** On another machine (a shared folder) we cannot ask for the process, only for its heartbeat. */
const FOREIGN_STALE_MS = 120_000;
/** A process id may be reused after a crash: without a heartbeat for this long it is not the owner any more. */
const LOCAL_STALE_MS = 600_000;
/** Longer than any install we have seen; after that the waiting run gives up and says what to do. */
const GIVE_UP_MS = 900_000;

/**
 * Runs `work(addProcess)` while holding `<lockPath>`. `addProcess(pid)` names a child that must be gone too before the
 * lock counts as stale: npm may outlive a killed bootstrap.
 */
export async function withLock(lockPath, onWait, work) {
  const owner = await acquire(lockPath, onWait);
  const heartbeat = setInterval(() => touch(lockPath), HEARTBEAT_MS);
  try {
    return await work((pid) => {
      owner.pids.push(pid);
      writeOwner(lockPath, owner);
    });
  } finally {
    clearInterval(heartbeat);
    release(lockPath, owner.token);
  }
}

async function acquire(lockPath, onWait) {
  const owner = { token: randomUUID(), host: os.hostname(), pids: [process.pid] };
  fs.mkdirSync(path.dirname(lockPath), { recursive: true });
  const giveUpAtMs = Date.now() + GIVE_UP_MS;
  for (let hasSaid = false; !tryTake(lockPath, owner);) {
    const holder = readOwner(lockPath);
    if (holder && isStale(lockPath, holder)) breakStale(lockPath, holder.token);
    else if (!hasSaid) {
      onWait();
      hasSaid = true;
    }
    if (Date.now() > giveUpAtMs) {
      throw new BootstrapProblem(
        "Another run has been installing for too long.",
        `If none is running, remove ${lockPath} and try again.`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return owner;
}

/** A folder that already names its owner is moved into place: at no moment is there a lock without an owner. */
function tryTake(lockPath, owner) {
  const prepared = `${lockPath}.${owner.token}`;
  fs.mkdirSync(prepared, { recursive: true });
  writeOwner(prepared, owner);
  try {
    fs.renameSync(prepared, lockPath);
    return true;
  } catch (error) {
    fs.rmSync(prepared, { recursive: true, force: true });
    if (["ENOTEMPTY", "EEXIST", "EPERM"].includes(error.code) && fs.existsSync(lockPath))
      return false;
    // The holder released between our attempt and our look: simply try again.
    if (["ENOTEMPTY", "EEXIST"].includes(error.code)) return false;
    throw error;
  }
}

function isStale(lockPath, holder) {
  const silentMs = Date.now() - heartbeatMs(lockPath);
  if (holder.host !== os.hostname()) return silentMs > FOREIGN_STALE_MS;
  return !holder.pids.some(isAlive) || silentMs > LOCAL_STALE_MS;
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

/**
 * Two waiting runs may both find the lock stale. The folder named after the dead owner's token can be made by one of
 * them only, and whoever has it looks again: so nobody removes the lock that the other has just taken.
 */
function breakStale(lockPath, token) {
  const claim = `${lockPath}.break-${token}`;
  try {
    fs.mkdirSync(claim);
  } catch {
    const ageMs =
      Date.now() - (fs.statSync(claim, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (ageMs > FOREIGN_STALE_MS) fs.rmSync(claim, { recursive: true, force: true });
    return;
  }
  release(lockPath, token);
  fs.rmSync(claim, { recursive: true, force: true });
}

function release(lockPath, token) {
  if (readOwner(lockPath)?.token !== token) return;
  const grave = `${lockPath}.${randomUUID()}`;
  fs.renameSync(lockPath, grave);
  fs.rmSync(grave, { recursive: true, force: true });
}

const ownerFile = (lockPath) => path.join(lockPath, "owner.json");

function writeOwner(lockPath, owner) {
  const temporary = `${ownerFile(lockPath)}.new`;
  fs.writeFileSync(temporary, JSON.stringify(owner));
  fs.renameSync(temporary, ownerFile(lockPath));
}

function readOwner(lockPath) {
  try {
    return JSON.parse(fs.readFileSync(ownerFile(lockPath), "utf8"));
  } catch {
    return undefined;
  }
}

function heartbeatMs(lockPath) {
  return fs.statSync(ownerFile(lockPath), { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
}

function touch(lockPath) {
  try {
    const now = new Date();
    fs.utimesSync(ownerFile(lockPath), now, now);
  } catch {
    // The heartbeat is a courtesy; the lock itself is checked when it is released.
  }
}

/**
 * Runs a linear program over a value as a lazily built DFA: what a set of places leads to is worked out once and kept,
 * within a fixed memory. A value for which that does not pay off is simulated step by step; nothing is tried twice.
 */
import { CONTEXT, type Context } from "./byte-context.ts";
import type { LinearProgram } from "./linear-program.ts";
import { ProgramStepper, type Places, type StepperOptions } from "./program-stepper.ts";

/**
 * Bytes kept for the states of one automaton. An attacker who feeds ever new shapes to every rule of a set of 300 makes
 * them 160 MB at worst; raised, more; lowered, long values fall back to the simulation sooner.
 */
export const CACHE_LIMIT_BYTES = 524_288;
/** A full cache is built anew only if each of its states has served this many bytes; else the rest is simulated. */
const BYTES_PER_STATE = 8;
/** What a state costs beside its places, its key and its row: objects and slots in maps. */
const STATE_OVERHEAD_BYTES = 240;
/** Four bytes an entry; the table grows by doubling, so that half of it may lie idle. */
const ROW_BYTES_PER_CLASS = 8;

/** Entries of the table are rows to go on at, or one of these; after a complete match `-2 - row`. */
const UNKNOWN = -1;
const DEAD_ROW = 0;

interface State {
  readonly places: Places;
  readonly row: number;
  isMatchAtEnd: boolean | undefined;
}

export interface AutomatonOptions extends StepperOptions {
  readonly cacheLimitBytes: number;
}

export interface Scan {
  readonly value: string;
  /** The place to begin at, 0 to the length; backward the bytes before it are read. */
  readonly from: number;
  /** Whether the first complete match is enough; otherwise the last place where one is complete is found. */
  readonly stopsAtFirst: boolean;
  /** Where the program is at `from`; otherwise it begins there. */
  readonly places?: Places;
}

/** Where a scan is; the cache may be emptied meanwhile, the places stay true. */
interface Cursor {
  at: number;
  row: number;
  found: number;
}

export class LinearAutomaton {
  /** Bytes read, times the cache was emptied, and scans that had to be simulated, so far. */
  bytesRead = 0;
  resets = 0;
  simulations = 0;
  readonly #stepper: ProgramStepper;
  readonly #delta: 1 | -1;
  readonly #cacheLimitBytes: number;
  #table = new Int32Array(0);
  #states: State[] = [];
  #byKey = new Map<string, State>();
  /** At a context: where a scan begins, once that is known. */
  #initial: (State | undefined)[] = [];
  #usedBytes = 0;
  #bytesReadAtReset = 0;

  constructor(program: LinearProgram, options: AutomatonOptions) {
    this.#stepper = new ProgramStepper(program, options);
    this.#delta = options.direction === "forward" ? 1 : -1;
    this.#cacheLimitBytes = options.cacheLimitBytes;
    this.#empty();
  }

  /** Bytes kept for states, about. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Instructions visited so far; bytes answered from the cache visit none. */
  get visits(): number {
    return this.#stepper.visits;
  }

  /** The place where a match is complete, the first or the last one in the direction of the scan, or -1. */
  scan(scan: Scan): number {
    const stop = this.#delta === 1 ? scan.value.length : 0;
    const { places, state } = this.#begin(scan);
    const cursor: Cursor = { at: scan.from, row: state?.row ?? DEAD_ROW, found: -1 };
    if (!state) return this.#simulate(scan, places, cursor);
    while (cursor.row !== DEAD_ROW) {
      this.#run(scan.value, stop, cursor);
      if (cursor.at === stop) break;
      const leftover = this.#follow(scan.value, cursor);
      if (scan.stopsAtFirst && cursor.found >= 0) return cursor.found;
      if (leftover) return this.#simulate(scan, leftover, cursor);
    }
    return this.#isMatchAtEnd(cursor.row) ? stop : cursor.found;
  }

  /**
   * Where a forward search is after the bytes before `to`: what may still become a match that began before, and nothing of
   * one that begins there.
   */
  placesAt(value: string, to: number): Places {
    const { places, state } = this.#begin({ value, from: 0, stopsAtFirst: false });
    const cursor: Cursor = { at: 0, row: state?.row ?? DEAD_ROW, found: -1 };
    let simulated = state ? undefined : places;
    while (!simulated && cursor.row !== DEAD_ROW) {
      this.#run(value, to, cursor);
      if (cursor.at === to) break;
      simulated = this.#follow(value, cursor);
    }
    if (!simulated) return this.#stateAt(cursor.row).places;
    for (let { at } = cursor; at < to; at++) {
      simulated = this.#stepper.step(simulated, this.#classAt(value, at)).to;
      this.bytesRead++;
    }
    return simulated;
  }

  #begin(scan: Scan): { readonly places: Places; readonly state: State | undefined } {
    if (scan.places) return { places: scan.places, state: this.#stateOf(scan.places) };
    const context = this.#contextBefore(scan);
    const places = this.#stepper.initial(context);
    return { places, state: (this.#initial[context] ??= this.#stateOf(places)) };
  }

  /** The hot loop: follows the table as long as it is known and nothing matches. */
  #run(value: string, stop: number, cursor: Cursor): void {
    const { classOf } = this.#stepper.program;
    const table = this.#table;
    const delta = this.#delta;
    const offset = delta === 1 ? 0 : -1;
    let { at, row } = cursor;
    while (at !== stop) {
      const byte = value.charCodeAt(at + offset) & 0xff;
      const entry = table[row + (classOf[byte] as number)] as number;
      if (entry <= DEAD_ROW) break;
      row = entry;
      at += delta;
    }
    this.bytesRead += Math.abs(at - cursor.at);
    cursor.at = at;
    cursor.row = row;
  }

  /** Reads the byte that stopped the hot loop. Returns the places to simulate from when there is no room for them. */
  #follow(value: string, cursor: Cursor): Places | undefined {
    const byteClass = this.#classAt(value, cursor.at);
    const slot = cursor.row + byteClass;
    const entry = this.#table[slot] as number;
    const place = cursor.at;
    cursor.at += this.#delta;
    this.bytesRead++;
    if (entry !== UNKNOWN) {
      if (entry < UNKNOWN) cursor.found = place;
      cursor.row = entry < UNKNOWN ? -2 - entry : entry;
      return undefined;
    }
    const from = this.#stateAt(cursor.row);
    const { isMatch, to } = this.#stepper.step(from.places, byteClass);
    if (isMatch) cursor.found = place;
    const resetsBefore = this.resets;
    const state = this.#stateOf(to);
    if (!state) return to;
    cursor.row = state.row;
    // After a reset the row that was left belongs to nobody.
    if (this.resets === resetsBefore) this.#table[slot] = isMatch ? -2 - state.row : state.row;
    return undefined;
  }

  #simulate(scan: Scan, from: Places, cursor: Cursor): number {
    this.simulations++;
    const stop = this.#delta === 1 ? scan.value.length : 0;
    let places = from;
    for (let { at } = cursor; at !== stop; at += this.#delta) {
      if (this.#stepper.isDead(places)) return cursor.found;
      const { isMatch, to } = this.#stepper.step(places, this.#classAt(scan.value, at));
      this.bytesRead++;
      if (isMatch) cursor.found = at;
      if (isMatch && scan.stopsAtFirst) return at;
      places = to;
    }
    return this.#stepper.isMatchAtEnd(places) ? stop : cursor.found;
  }

  /** The state for the places, known or new; undefined when the cache is full and not worth building anew. */
  #stateOf(places: Places): State | undefined {
    if (this.#stepper.isDead(places)) return this.#states[0];
    const key = String.fromCharCode(places.context, ...places.at);
    const known = this.#byKey.get(key);
    if (known) return known;
    const sizeBytes =
      places.at.length * 4 +
      this.#stepper.program.classCount * ROW_BYTES_PER_CLASS +
      STATE_OVERHEAD_BYTES;
    if (this.#usedBytes + sizeBytes > this.#cacheLimitBytes) {
      const served = this.bytesRead - this.#bytesReadAtReset;
      if (served < this.#states.length * BYTES_PER_STATE) return undefined;
      this.resets++;
      this.#empty();
    }
    this.#usedBytes += sizeBytes;
    const state = this.#add(places);
    this.#byKey.set(key, state);
    return state;
  }

  #add(places: Places): State {
    const stride = this.#stepper.program.classCount;
    const row = this.#states.length * stride;
    if (row + stride > this.#table.length) {
      const larger = new Int32Array(Math.max(8 * stride, this.#table.length * 2)).fill(UNKNOWN);
      larger.set(this.#table);
      this.#table = larger;
    }
    const state: State = { places, row, isMatchAtEnd: undefined };
    this.#states.push(state);
    return state;
  }

  /** Gives the memory of all states back. */
  forget(): void {
    this.#table = new Int32Array(0);
    this.#empty();
  }

  /** Forgets all states but the dead one, which leads nowhere and is never left. */
  #empty(): void {
    this.#table.fill(UNKNOWN);
    this.#states = [];
    this.#initial = [];
    this.#byKey = new Map();
    this.#usedBytes = 0;
    this.#bytesReadAtReset = this.bytesRead;
    this.#add({ at: new Uint16Array(0), context: CONTEXT.other }).isMatchAtEnd = false;
  }

  #isMatchAtEnd(row: number): boolean {
    const state = this.#stateAt(row);
    return (state.isMatchAtEnd ??= this.#stepper.isMatchAtEnd(state.places));
  }

  #stateAt(row: number): State {
    return this.#states[row / this.#stepper.program.classCount] as State;
  }

  #classAt(value: string, at: number): number {
    const byte = value.charCodeAt(this.#delta === 1 ? at : at - 1) & 0xff;
    return this.#stepper.program.classOf[byte] as number;
  }

  #contextBefore({ value, from }: Scan): Context {
    const { classOf, contextOfClass } = this.#stepper.program;
    const neighbour = this.#delta === 1 ? from - 1 : from;
    if (neighbour < 0 || neighbour >= value.length) return CONTEXT.edge;
    return contextOfClass[classOf[value.charCodeAt(neighbour) & 0xff] as number] as Context;
  }
}

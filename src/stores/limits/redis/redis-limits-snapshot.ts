/** What metrics are told of limits in Redis, as far as one replica knows. */

/** For metrics. Counts go up from the start of this process; the others are as of now. */
export interface RedisLimitsSnapshot {
  readonly decisionsAsked: number;
  readonly decisionsHere: number;
  readonly roundTrips: number;
  readonly failedRoundTrips: number;
  readonly staleWindows: number;
  readonly wallets: number;
  readonly unitsAhead: number;
  readonly slotsHeld: number;
  readonly slotsSpare: number;
  readonly renewals: number;
  readonly correctionsPending: number;
  readonly correctionsDropped: number;
}

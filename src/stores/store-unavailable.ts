/** The shared store did not answer, or not in time. What was asked for may have happened all the same. */
export class StoreUnavailable extends Error {
  override readonly name = "StoreUnavailable";
}

/** The two errors with which a command fails. */

/** Wrong arguments: the usage is shown, and the exit code is 2. */
export class UsageError extends Error {}

/** The message is shown unchanged; the exit code is 1. */
export class Told extends Error {}

/** The two ways in which a command ends without having done its work. */

/** Called wrongly: the usage is shown, and the exit code is 2. */
export class UsageError extends Error {}

/** Its message is shown as it stands; the exit code is 1. */
export class Told extends Error {}

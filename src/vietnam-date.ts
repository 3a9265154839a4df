/**
 * The date in Vietnam (UTC+7 all year), `YYYY-MM-DD`. Legal dates are dates in Vietnam.
 * @param now milliseconds since the epoch
 */
export const vietnamDate = (now: number): string => new Date(now + 7 * 3_600_000).toISOString().slice(0, 10)

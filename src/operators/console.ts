/** The operators' console: its client id and scope, for the issuer, the admin API and the command line. */

export const consoleId = 'operator-console'
/** No portal may have this scope: the admin API accepts access tokens with it. */
export const consoleScope = 'operator'

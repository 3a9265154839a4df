/** The operators' console, as the issuer, the admin API and the command line know it. */

export const consoleId = 'operator-console'
/** No portal has this scope: whoever has a token with it acts as an operator. */
export const consoleScope = 'operator'
